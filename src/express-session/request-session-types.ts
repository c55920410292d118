import type { RequestSessionCookie } from './request-session-cookie.js';

/** Called when the operation is done, with an error if it failed. */
export type Callback = (error?: unknown) => void;

/**
 * `request.session`, like that of express-session. Entries are its properties, and accept every value that
 * `JSON.stringify` can convert. `Data` declares their types.
 *
 * A method that is called with a callback returns the session; without one, it returns a promise.
 */
export type RequestSessionObject<Data extends object = Record<string, unknown>> =
  RequestSessionMembers & Partial<Data>;

/** The members of `request.session` besides the entries. */
export interface RequestSessionMembers {
  /** The session id. Never log it: it gives access to the session. */
  readonly id: string;
  /** The attributes of the session's cookie. Setting `maxAge` also sets the session's lifetime. */
  cookie: RequestSessionCookie;
  /** Destroys the session and begins an empty one with a new id, which is then `request.session`. */
  regenerate(callback: Callback): this;
  regenerate(): Promise<void>;
  /** Stores the changes now instead of with the response. */
  save(callback: Callback): this;
  save(): Promise<void>;
  /** Reads the session again and drops unsaved changes; `request.session` is then another object. */
  reload(callback: Callback): this;
  reload(): Promise<void>;
  /** Destroys the session. `request.session` is then `undefined`. */
  destroy(callback: Callback): this;
  destroy(): Promise<void>;
  /** Sets `cookie.maxAge` back to `cookie.originalMaxAge`. Reading the session has renewed it already. */
  touch(): this;
  /** Sets `cookie.maxAge` back, as `touch()` does. */
  resetMaxAge(): this;
}
