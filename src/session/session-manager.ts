import type { PeekOptions } from './access.js';
import type { CurrentSession } from './current-session.js';
import type { SessionData } from './session-data.js';
import type { RegenerateOptions, Session, SignInOptions } from './session.js';

/** What a manager belongs to: a request, or a connection that carries one message after another. */
export interface ManagedRequest {
  /** Called before each use, which may change the session: the response waits for the commit. May throw. */
  use(): CurrentSession;
}

/**
 * The session of the current request. Request-scoped: inject it where you create, regenerate or
 * destroy sessions. To read and write entries, `@Session()` is enough, and costs less, since the
 * controller stays a singleton.
 */
export class SessionManager {
  readonly #request: ManagedRequest;

  constructor(request: ManagedRequest) {
    this.#request = request;
  }

  /**
   * The request's session, or a new, empty one if the visitor has none. Nothing is stored, and no
   * cookie is sent, until something is written to it.
   *
   * @throws SessionStoreError if the store cannot be read
   */
  async current<D extends object = SessionData>(): Promise<Session<D>> {
    return this.#request.use().load() as Promise<Session<D>>;
  }

  /**
   * The request's session, or `undefined` if there is none; never creates one. For code that only
   * reads, such as a menu that greets the signed-in user. `{ touch: false }` does not renew the session.
   *
   * @throws SessionStoreError if the store cannot be read
   */
  async peek<D extends object = SessionData>(
    options?: PeekOptions,
  ): Promise<Session<D> | undefined> {
    return this.#request.use().peek(options) as Promise<Session<D> | undefined>;
  }

  /**
   * Destroys the current session and begins a new, empty one in its place.
   *
   * @throws SessionStoreError if the current one could not be destroyed
   */
  async create<D extends object = SessionData>(): Promise<Session<D>> {
    return this.#request.use().create() as Promise<Session<D>>;
  }

  /**
   * Gives the session a new id, for when the visitor's rights change; to sign in use `signIn()`. From
   * then on the old id is invalid. The session keeps all entries, none (`keep: false`), or those named
   * (`keep: ['cart']`), and its absolute deadline. If it keeps all, requests that are under way still
   * store their changes; otherwise it is gone to them. If another request gives it a new id at the same
   * moment, this one's has what this request had read.
   *
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionDestroyedError if the session was destroyed or has run out
   */
  async regenerate<D extends object = SessionData>(
    options?: RegenerateOptions<NoInfer<D>>,
  ): Promise<Session<D>> {
    return this.#request.use().regenerate(options) as Promise<Session<D>>;
  }

  /**
   * Removes the session from the store and its cookie from the client. It stays gone: requests under
   * way do not write it back.
   *
   * @throws SessionStoreError if the store did not confirm it: then the visitor is not signed out
   */
  async destroy(): Promise<void> {
    return this.#request.use().destroy();
  }

  /**
   * Signs a user in: gives the session a new id, against session fixation (ASVS 5.0 V7.2.4), and records
   * it as this user's, at once. `keep` is that of `regenerate()`. To requests that are under way the
   * session is gone: their changes are dropped. If another user is signed in with it, it is ended and a
   * new session begins, as in place of one that was ended meanwhile: no entry is kept. So continue with
   * the session that is returned. `remember`: the idle timeout in seconds, or `true` for that of the option
   * `remember`; the browser then keeps the cookie after it is closed.
   *
   * @param userId 1 to 255 characters, such as `String(user.id)`
   * @throws SessionLimitError if the user already has `maxSessionsPerUser`, and more are refused
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionValueError if it is not a valid user id
   */
  async signIn<D extends object = SessionData>(
    userId: string,
    options?: SignInOptions<NoInfer<D>>,
  ): Promise<Session<D>> {
    return this.#request.use().signIn(userId, options) as Promise<Session<D>>;
  }

  /**
   * Call it after the user has authenticated again, such as with a password. Sets `signedInAt` to now, and
   * gives the session a new id, stored at once.
   *
   * @throws SessionError `SESSION_NOBODY` if no user is signed in
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionDestroyedError if the session was destroyed or has expired, or a user has signed in
   */
  async confirmSignIn<D extends object = SessionData>(): Promise<Session<D>> {
    return this.#request.use().confirmSignIn() as Promise<Session<D>>;
  }

  /** Signs the user out. The same as `destroy()`. */
  signOut(): Promise<void>;
  /**
   * Signs the user out, and continues anonymously in a new session with a new id. The new session keeps the
   * entries named by `keep`, or all of them (`true`), but no flash messages. Continue with the session that
   * is returned.
   *
   * @throws SessionStoreError if the store did not confirm it: then the user is not signed out
   */
  signOut<D extends object = SessionData>(
    options: RegenerateOptions<NoInfer<D>>,
  ): Promise<Session<D>>;
  async signOut(options?: RegenerateOptions): Promise<Session | void> {
    const current = this.#request.use();
    return options ? current.signOut(options) : current.destroy();
  }

  /**
   * Stores the changes now instead of with the response: for instance, before you tell another service
   * of them, or during a long stream.
   *
   * @throws SessionStoreError, SessionConflictError if they could not be stored
   * @throws SessionDestroyedError if the session was destroyed or has run out
   */
  async save(): Promise<void> {
    return this.#request.use().save();
  }
}
