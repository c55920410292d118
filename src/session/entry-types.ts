import type { SessionData } from './session-data.js';

/** While no entry is declared: each is `unknown`, and written by `set()`, so that a typo is an error. */
type Undeclared = { readonly [key: string]: unknown };

/** The entries of a session: those of `D`, besides those of `SessionData`. */
export type EntriesOf<D extends object> = [keyof SessionData | keyof D] extends [never]
  ? Undeclared
  : keyof SessionData extends keyof D
    ? D
    : Omit<SessionData, keyof D> & D;

export type KeyOf<E> = keyof E & string;

/** Keys whose type is said where they are read, as nothing declares it. */
export type UndeclaredKeyOf<E> = Undeclared extends E ? string : never;

/** The keys of numbers, and of what may be one as its type is not known. */
export type NumericKeyOf<E> = {
  [K in keyof E]-?: unknown extends E[K] ? K : Exclude<E[K], undefined> extends number ? K : never;
}[keyof E] &
  string;

/** Key and value, in pairs, so that to compare the key narrows the value. */
export type EntryOf<E> = {
  [K in keyof E]-?: K extends string ? [key: K, value: Exclude<E[K], undefined>] : never;
}[keyof E];

/** A value in a read-only session, where it is frozen with all that is in it. */
export type Frozen<V> = V extends object ? { readonly [K in keyof V]: Frozen<V[K]> } : V;

/**
 * An `IterableIterator`. A session with more entries can be passed as one with fewer, as TypeScript
 * compares the methods of two iterators with `any` for their type parameters. Calls have the first
 * signature, loops both: the type of `value` in a loop is then `T`, without the `undefined` of the end.
 */
export interface EntryIterator<T> {
  next<R extends IteratorResult<T, undefined>>(): R;
  next<R extends IteratorResult<T, never>>(): R;
  [Symbol.iterator](): EntryIterator<T>;
}
