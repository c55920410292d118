import type { SessionData } from './session-data.js';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an undeclared entry can be anything
type Undeclared = Record<string, any>;

type Entries<D extends object> = [keyof D] extends [never] ? Undeclared : D;
type Key<D extends object> = keyof Entries<D> & string;
type Value<D extends object, K extends Key<D>> = Entries<D>[K];

/**
 * A visitor's session: a dictionary whose entries are read and written by method or by property:
 * `session.get('cart')` or `session.cart`, `delete session.cart`, `'cart' in session`.
 *
 * Values are what JSON preserves exactly: strings, finite numbers, booleans, null, arrays and plain
 * objects. Anything else throws a `SessionValueError` that names the path. Changes, including those
 * made inside an object that was read, are stored before the response leaves.
 */
export type Session<D extends object = SessionData> = SessionMembers<D> & Partial<Entries<D>>;

/** A session's members besides its entries. Entries with these names need `get()` and `set()`. */
export interface SessionMembers<D extends object = SessionData> {
  /** The session id. Never log it: whoever knows it has the session. */
  readonly id: string;
  /** Whether the visitor came without a session. */
  readonly isNew: boolean;
  /** The user signed in with it, as given to `signIn()`; `undefined` if nobody is. */
  readonly userId: string | undefined;
  /** When the session began; a new id does not change this. */
  readonly createdAt: Date;
  /** When it ends if it is not used again. */
  readonly expiresAt: Date;
  /** The number of entries. */
  readonly size: number;

  get<K extends Key<D>>(key: K): Value<D, K> | undefined;
  /** `undefined` deletes the entry. */
  set<K extends Key<D>>(key: K, value: Value<D, K> | undefined): this;
  has(key: string): boolean;
  /** Deletes an entry. Returns whether there was one. */
  delete(key: Key<D>): boolean;
  /** Deletes all entries; the session stays. */
  clear(): void;
  /** Returns an entry's value and deletes it. */
  pull<K extends Key<D>>(key: K): Value<D, K> | undefined;
  keys(): IterableIterator<string>;
  values(): IterableIterator<unknown>;
  entries(): IterableIterator<[string, unknown]>;
  [Symbol.iterator](): IterableIterator<[string, unknown]>;
  /** The entries as a plain object. */
  toJSON(): Partial<Entries<D>>;

  /**
   * Changes an entry by a function of its value. The function is called at once, and again with the
   * newest value if another request changed the session meanwhile, so it must have no side effects.
   */
  update<K extends Key<D>>(
    key: K,
    update: (old: Value<D, K> | undefined) => Value<D, K> | undefined,
  ): this;
  /**
   * Adds `by`, 1 by default, to a number; a missing entry counts as 0. Parallel increments all count.
   * Returns the sum as this request sees it.
   */
  increment(key: Key<D>, by?: number): number;

  /**
   * Leaves a message for a later request, such as the one after a redirect. Any JSON value; the last
   * one of a name counts, and `undefined` takes it back. It is not an entry: it survives `clear()` and
   * every new id, until it is read or the session ends.
   */
  flash(name: string, value: unknown): this;
  /**
   * Takes a message: of all requests that read it, only one gets it. Stores the changes so far as
   * well, like `save()` and with the same errors. If there is no such message, nothing is stored.
   */
  flash<T = unknown>(name: string): Promise<T | undefined>;

  /**
   * Stores the changes now instead of with the response.
   * @throws SessionStoreError, SessionConflictError if they could not be stored
   * @throws SessionDestroyedError if the session was destroyed, has run out, or somebody has signed in
   */
  save(): Promise<void>;
  /** See `SessionManager.regenerate`. */
  regenerate(options?: RegenerateOptions): Promise<Session<D>>;
  /** See `SessionManager.destroy`. */
  destroy(): Promise<void>;
  /** See `SessionManager.signIn`. */
  signIn(userId: string, options?: RegenerateOptions): Promise<Session<D>>;
  /** See `SessionManager.signOut`. */
  signOut(): Promise<void>;
}

export interface RegenerateOptions {
  /** Which entries the session keeps: all (`true`, the default), none (`false`), or those named. */
  keep?: boolean | readonly string[];
}
