import type { SessionData } from './session-data.js';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an undeclared entry can be anything
type Undeclared = Record<string, any>;

type Entries<D extends object> = [keyof D] extends [never] ? Undeclared : D;
type Key<D extends object> = keyof Entries<D> & string;
type Value<D extends object, K extends Key<D>> = Entries<D>[K];

/**
 * A visitor's session: a dictionary whose entries are read and written by method or by property,
 * `session.get('cart')` or `session.cart`, `delete session.cart`, `'cart' in session`.
 *
 * Values are what JSON keeps exactly: strings, finite numbers, booleans, null, arrays and plain
 * objects. Anything else throws a `SessionValueError` that names the path. Changes, also those made
 * within an object that was read, are stored before the response leaves.
 */
export type Session<D extends object = SessionData> = SessionMembers<D> & Partial<Entries<D>>;

/** What a session has besides its entries; these names are not reachable as entries by property. */
export interface SessionMembers<D extends object = SessionData> {
  /** The session id. Never log it: who knows it has the session. */
  readonly id: string;
  /** Whether the visitor came without a session. */
  readonly isNew: boolean;
  /** Who is signed in with it, as `signIn()` was told. */
  readonly userId: string | undefined;
  /** When the session began; a new id does not change it. */
  readonly createdAt: Date;
  /** When it ends if it is not used again. */
  readonly expiresAt: Date;
  /** How many entries there are. */
  readonly size: number;

  get<K extends Key<D>>(key: K): Value<D, K> | undefined;
  /** `undefined` deletes the entry. */
  set<K extends Key<D>>(key: K, value: Value<D, K> | undefined): this;
  has(key: string): boolean;
  /** Whether there was such an entry. */
  delete(key: Key<D>): boolean;
  /** Deletes all entries; the session stays. */
  clear(): void;
  /** Reads an entry and deletes it. */
  pull<K extends Key<D>>(key: K): Value<D, K> | undefined;
  keys(): IterableIterator<string>;
  values(): IterableIterator<unknown>;
  entries(): IterableIterator<[string, unknown]>;
  [Symbol.iterator](): IterableIterator<[string, unknown]>;
  /** The entries as a plain object. */
  toJSON(): Partial<Entries<D>>;

  /**
   * Changes an entry by a function of its value. It is called at once, and again on the newest
   * value if another request changed the session in between, so it should do nothing else.
   */
  update<K extends Key<D>>(
    key: K,
    update: (old: Value<D, K> | undefined) => Value<D, K> | undefined,
  ): this;
  /** Adds to a number; a missing entry counts as 0. Parallel increments all count. */
  increment(key: Key<D>, by?: number): number;

  /**
   * Leaves a message for a later request, such as the one that follows a redirect. Any JSON value; the
   * last one of a name counts, and `undefined` takes it back. It is no entry: it stays through
   * `clear()` and every new id, until it is read or the session ends.
   */
  flash(name: string, value: unknown): this;
  /**
   * Takes a message: of all requests that read it, one gets it. The changes so far are stored along,
   * as by `save()`, and with the same errors; if there is no such message, nothing is done.
   */
  flash<T = unknown>(name: string): Promise<T | undefined>;

  /**
   * Stores the changes now instead of with the response.
   * @throws SessionStoreError, SessionConflictError if they could not be stored
   * @throws SessionDestroyedError if the session was destroyed or ran out meanwhile
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
  /** Which entries the session keeps: all (`true`, the default), none, or those named. */
  keep?: boolean | readonly string[];
}
