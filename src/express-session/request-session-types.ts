import type { RequestSessionCookie } from './request-session-cookie.js';

/** What is called when it is done: with an error, if it failed. */
export type Callback = (error?: unknown) => void;

/**
 * `request.session` as express-session has it: entries are its properties, and take whatever
 * `JSON.stringify` makes something of. `Data` declares them.
 *
 * Each method takes a callback and returns the session, or takes none and returns a promise.
 */
export type RequestSessionObject<Data extends object = Record<string, unknown>> =
  RequestSessionMembers & Partial<Data>;

/** The members of `request.session` besides the entries. */
export interface RequestSessionMembers {
  /** The session id. Never log it: whoever knows it has the session. */
  readonly id: string;
  /** The attributes of the session's cookie. Its `maxAge` is the session's life, too. */
  cookie: RequestSessionCookie;
  /** Destroys the session, and begins an empty one with a new id; `request.session` is then that one. */
  regenerate(callback: Callback): this;
  regenerate(): Promise<void>;
  /** Stores the changes now instead of with the response. */
  save(callback: Callback): this;
  save(): Promise<void>;
  /** Reads the session anew; `request.session` is then another object. Drops changes that are not saved. */
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
