import type {
  DeepReadonly,
  EntryIterator,
  NumericKey,
  SessionEntries,
  SessionEntry,
  UndeclaredKey,
} from './entry-types.js';
import type { SessionData } from './session-data.js';

/**
 * A visitor's session: a dictionary whose entries are read and written by method or by property:
 * `session.get('cart')` or `session.cart`, `delete session.cart`, `'cart' in session`.
 *
 * `SessionData` declares the entries; `Session<{ step: number }>` has those of the type argument as well,
 * which replace declared ones of the same name. While nothing is declared, use `get<T>(key)` and
 * `set(key, value)`: a property is `unknown`, and cannot be written.
 *
 * Values are what JSON preserves exactly: strings, finite numbers, booleans, null, arrays and plain
 * objects. Anything else throws a `SessionValueError` that names the path. Changes, including those
 * made inside an object that was read, are stored before the response leaves.
 */
export type Session<D extends object = SessionData> = SessionMembers<D> &
  Partial<SessionEntries<D>>;

/**
 * A session that is only read, as `@Session({ readOnly: true })` and
 * `sessionOf(context, { readOnly: true })` give it: writes do not compile, also those inside a value. At
 * run time they throw a `SessionReadOnlyError`. A `Session` can be passed as one.
 */
export type ReadonlySession<D extends object = SessionData> = ReadMembers<
  DeepReadonly<SessionEntries<D>>
> &
  DeepReadonly<Partial<SessionEntries<D>>>;

/** A session's members besides its entries. Entries with these names need `get()` and `set()`. */
export type SessionMembers<D extends object = SessionData> = ReadMembers<SessionEntries<D>> &
  WriteMembers<D, SessionEntries<D>>;

/** The keys of the entries that are declared; any string while none is. */
export type SessionKey<D extends object = SessionData> = keyof SessionEntries<D> & string;

/** How a user is signed in. */
export type SignInOptions<D extends object = SessionData> = RegenerateOptions<D> & RememberOptions;

/** How long a user is remembered. */
export interface RememberOptions {
  /**
   * "Remember me": the idle timeout of the session in seconds, instead of `timeout`; at most, and with `true`
   * exactly, that of the module's option `remember`. The browser keeps the cookie after it is closed. Default
   * `false`: the session has the lifetime of the options, even if it had its own before.
   */
  readonly remember?: number | boolean | undefined;
}

/** How a session gets a new id. */
export type RegenerateOptions<D extends object = SessionData> = KeepOptions<SessionKey<D>>;

/** What a session keeps, by keys of type `K`. */
export interface KeepOptions<K extends string = string> {
  /** Which entries the session keeps: all (`true`, the default), none (`false`), or those named. */
  readonly keep?: boolean | readonly K[] | undefined;
}

// Both are type literals: an interface could not be passed where entries are not declared.

/** The members by which a session is read. `E`: its entries. */
export type ReadMembers<E> = {
  /** The session id: 43 characters. Never log it: it gives access to the session. */
  readonly id: string;
  /** Whether the visitor came without a session. */
  readonly isNew: boolean;
  /** The user who is signed in, as given to `signIn()`; `undefined` if no user is. */
  readonly userId: string | undefined;
  /**
   * When the user last authenticated: by `signIn()`, or by a later `confirmSignIn()`. `undefined` if no user
   * is signed in.
   */
  readonly signedInAt: Date | undefined;
  /** The session's idle timeout in seconds: the option `timeout`, or its own one. */
  readonly lifetime: number;
  /** Whether the browser keeps the cookie after it is closed. Default: the option `cookie.persistent`. */
  readonly persist: boolean;
  /** When the session began; a new id does not change this. */
  readonly createdAt: Date;
  /** When the session ends if it is not used again. */
  readonly expiresAt: Date;
  /** The number of entries. */
  readonly size: number;

  /** Reads an entry whose type is not declared; without a type argument it is `unknown`. */
  get<T = unknown>(key: UndeclaredKey<E>): T | undefined;
  /** Reads an entry; `undefined` if there is none. A change inside the value is stored as well. */
  get<K extends keyof E & string>(key: K): E[K] | undefined;
  /** Whether there is such an entry. */
  has(key: keyof E & string): boolean;
  /** The keys of all entries. */
  keys(): EntryIterator<keyof E & string>;
  /** The values of all entries. */
  values(): EntryIterator<SessionEntry<E>[1]>;
  /** Key and value of each entry. */
  entries(): EntryIterator<SessionEntry<E>>;
  /** Key and value of each entry, as in a `Map`: `for (const [key, value] of session)`. */
  [Symbol.iterator](): EntryIterator<SessionEntry<E>>;
  /** The entries as a plain object, without the id. */
  toJSON(): Partial<E>;

  /**
   * Reads the session again: what others have stored since, for handlers that take long. What this request
   * has changed and not stored yet stays; `update` functions are called again. Objects that others have
   * replaced have to be read again: a change inside an old one is not stored.
   *
   * @throws SessionStoreError if the store cannot be read
   * @throws SessionDestroyedError if the session has ended, or a user has signed in with it
   */
  reload(): Promise<void>;
};

/** The members by which a session is changed. `E`: its entries. */
export type WriteMembers<D extends object, E> = {
  /**
   * The session's idle timeout in seconds, instead of `timeout`. The option `remember` limits it; if it exceeds
   * `timeout`, the longer `absoluteTimeout` of the two options applies. A sign-in resets it: use
   * `signIn(userId, { remember })` there.
   */
  lifetime: number;
  /** Whether the cookie has a `Max-Age`, so that it outlives the browser process. A sign-in resets it. */
  persist: boolean;

  /**
   * Writes an entry, and returns the session. `undefined` deletes the entry.
   *
   * @throws SessionValueError if JSON would not preserve the value
   * @throws SessionDestroyedError if the session was destroyed, or its id replaced by a sign-in
   */
  set<K extends keyof E & string>(key: K, value: E[K] | undefined): Session<D>;
  /** Deletes an entry. Returns whether there was one. */
  delete(key: keyof E & string): boolean;
  /** Deletes all entries; the session stays. */
  clear(): void;
  /** Takes an entry whose type is not declared; without a type argument it is `unknown`. */
  pull<T = unknown>(key: UndeclaredKey<E>): T | undefined;
  /** Returns an entry's value and deletes it. Of two requests at the same moment both may get it. */
  pull<K extends keyof E & string>(key: K): E[K] | undefined;

  /** Changes an entry whose type is not declared, by a function of its value. */
  update<T = unknown>(
    key: UndeclaredKey<E>,
    update: (old: T | undefined) => T | undefined,
  ): Session<D>;
  /**
   * Changes an entry by a function of its value. The function is called at once, and again with the
   * newest value if another request changed the session meanwhile, so it must have no side effects.
   */
  update<K extends keyof E & string>(
    key: K,
    update: (old: E[K] | undefined) => E[K] | undefined,
  ): Session<D>;
  /**
   * Adds `by`, 1 by default, to a number; a missing entry counts as 0. Parallel increments all count.
   * Returns the sum as this request sees it.
   *
   * @throws SessionValueError if the entry is not a number
   */
  increment(key: NumericKey<E>, by?: number): number;

  /**
   * Leaves a message for a later request, such as the one after a redirect. Any JSON value; the last
   * one of a name counts, and `undefined` takes it back. It is not an entry: it survives `clear()` and
   * every new id, until it is read or the session ends.
   */
  flash(name: string, value: unknown): Session<D>;
  /**
   * Takes a message: of all requests that read it, only one gets it. Stores the changes so far as
   * well, like `save()` and with the same errors. If there is no such message, nothing is stored.
   */
  flash<T = unknown>(name: string): Promise<T | undefined>;

  /**
   * Stores the changes now instead of with the response.
   *
   * @throws SessionStoreError, SessionConflictError if they could not be stored
   * @throws SessionDestroyedError if the session was destroyed, has expired, or a user has signed in
   */
  save(): Promise<void>;
  /**
   * Gives the session a new id, for when the visitor's rights change; from then on the old id is invalid.
   * Keeps all entries, unless `keep` says otherwise, and the absolute deadline. To sign in use `signIn()`.
   *
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionDestroyedError if the session was destroyed or has run out
   */
  regenerate(options?: RegenerateOptions<D>): Promise<Session<D>>;
  /**
   * Removes the session from the store, and its cookie from the client. Requests under way do not write
   * it back.
   *
   * @throws SessionStoreError if the store did not confirm it: then the session may still exist
   */
  destroy(): Promise<void>;
  /**
   * Signs a user in, and gives the session a new id. Keeps all entries, unless `keep` says otherwise;
   * none if another user is signed in with it. Continue with the session that is returned.
   *
   * @param userId 1 to 255 characters, such as `String(user.id)`
   * @param options `keep`, and `remember` for how long
   * @throws SessionLimitError if the user already has `maxSessionsPerUser`, and more are refused
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionValueError if it is not a valid user id
   */
  signIn(userId: string, options?: SignInOptions<D>): Promise<Session<D>>;
  /**
   * Call it after the user has authenticated again, such as with a password. Sets `signedInAt` to now, and
   * gives the session a new id, stored at once. Keeps all entries; requests under way still store their
   * changes.
   *
   * @throws SessionError `SESSION_NOBODY` if no user is signed in
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionDestroyedError if the session was destroyed or has expired, or a user has signed in
   */
  confirmSignIn(): Promise<Session<D>>;
  /**
   * Signs the user out: the same as `destroy()`.
   *
   * @throws SessionStoreError if the store did not confirm it: then the user is not signed out
   */
  signOut(): Promise<void>;
  /**
   * Signs the user out, and continues anonymously in a new session with a new id. The new session keeps the
   * entries named by `keep` (such as `['theme']`), or all of them (`true`), but no flash messages. If another
   * request has ended the session meanwhile, no entry is kept. Continue with the session that is returned.
   *
   * @throws SessionStoreError if the store did not confirm it: then the user is not signed out
   */
  signOut(options: RegenerateOptions<D>): Promise<Session<D>>;
};
