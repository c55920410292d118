import type { SessionData } from './session-data.js';

// All of these are exported by the package: TypeScript names them in the declarations that it emits for
// an application.

/** While no entry is declared: each is `unknown`, and written by `set()`, so that a typo is an error. */
export type UndeclaredEntries = { readonly [key: string]: unknown };

/** The entries of a session: those of `D`, besides those of `SessionData`. */
export type SessionEntries<D extends object = SessionData> = [keyof SessionData | keyof D] extends [
  never,
]
  ? UndeclaredEntries
  : keyof SessionData extends keyof D
    ? D
    : Omit<SessionData, keyof D> & D;

/** Keys whose type is given where they are read, as nothing declares it. */
export type UndeclaredKey<E> = UndeclaredEntries extends E ? string : never;

/** The keys of numbers, and of what may be one as its type is not known. */
export type NumericKey<E> = {
  [K in keyof E]-?: unknown extends E[K] ? K : Exclude<E[K], undefined> extends number ? K : never;
}[keyof E] &
  string;

/** Key and value of an entry, in pairs, so that to compare the key narrows the value. */
export type SessionEntry<E> = {
  [K in keyof E]-?: K extends string ? [key: K, value: Exclude<E[K], undefined>] : never;
}[keyof E];

/** A value in a read-only session, where it is frozen with all that is in it. */
export type DeepReadonly<V> = unknown extends V
  ? V
  : V extends readonly unknown[]
    ? ReadonlyList<V>
    : V extends object
      ? { readonly [K in keyof V]: DeepReadonly<V[K]> }
      : V;

/** Not mapped unless it is a tuple: TypeScript maps an array at once, without end if it contains itself. */
type ReadonlyList<V extends readonly unknown[]> = number extends V['length']
  ? readonly DeepReadonly<V[number]>[]
  : { readonly [K in keyof V]: DeepReadonly<V[K]> };

/**
 * An `IterableIterator`. A session with more entries can be passed as one with fewer, as TypeScript
 * compares the methods of two iterators with `any` for their type parameters. Calls have the first
 * signature, loops both: the type of `value` in a loop is then `T`, without the `undefined` of the end.
 */
export interface EntryIterator<T> {
  /** The next one, and whether there is one. */
  next<R extends IteratorResult<T, undefined>>(): R;
  next<R extends IteratorResult<T, never>>(): R;
  [Symbol.iterator](): EntryIterator<T>;
}
