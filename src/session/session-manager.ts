import type { CurrentSession } from './current-session.js';
import type { RegenerateOptions, Session } from './session.js';

/** What a manager belongs to: a request, or a connection with one message after the other. */
export interface ManagedRequest {
  readonly current: CurrentSession;
}

/**
 * The session of the current request. Request-scoped: inject it where you create, renew or destroy
 * sessions. For reading and writing entries `@Session()` is enough, and costs less, since it leaves
 * the controller a singleton.
 */
export class SessionManager {
  readonly #request: ManagedRequest;

  constructor(request: ManagedRequest) {
    this.#request = request;
  }

  get #current(): CurrentSession {
    return this.#request.current;
  }

  /**
   * The request's session; a new and empty one if the visitor has none. Nothing is stored, and no
   * cookie sent, before something is written to it.
   *
   * @throws SessionStoreError if the store cannot be read
   */
  current(): Promise<Session> {
    return this.#current.load();
  }

  /**
   * The request's session if there is one; `undefined` if not, without making one. For code that only
   * looks, such as a menu that greets who is signed in.
   *
   * @throws SessionStoreError if the store cannot be read
   */
  peek(): Promise<Session | undefined> {
    return this.#current.peek();
  }

  /**
   * A new, empty session in place of the current one, which is destroyed.
   *
   * @throws SessionStoreError if the current one could not be destroyed
   */
  create(): Promise<Session> {
    return this.#current.create();
  }

  /**
   * Gives the session a new id, against session fixation (ASVS 5.0 V7.2.4): at every sign-in and
   * whenever what the visitor may do changes. The old id is no session from then on; requests that
   * were under way still land their changes. It keeps all entries, or none (`keep: false`), or those
   * named (`keep: ['cart']`), and its absolute deadline.
   *
   * @throws SessionStoreError, SessionConflictError if that could not be stored
   * @throws SessionDestroyedError if the session was destroyed or ran out meanwhile
   */
  regenerate(options?: RegenerateOptions): Promise<Session> {
    return this.#current.regenerate(options);
  }

  /**
   * Takes the session out of the store and its cookie off the client. It stays gone: requests under
   * way do not write it back.
   *
   * @throws SessionStoreError if the store could not be told: then the visitor is not signed out
   */
  destroy(): Promise<void> {
    return this.#current.destroy();
  }

  /**
   * Signs a user in: a new id, as by `regenerate()`, which the store keeps as this user's. It is stored
   * at once. If somebody else is signed in with the session, that one is ended and a new one begun:
   * none of its entries is kept, and requests under way lose their changes. So go on with the session
   * that this answers.
   *
   * @param userId 1 to 255 characters, such as `String(user.id)`
   * @throws SessionLimitError if the user has `maxSessionsPerUser` already, and more are refused
   * @throws SessionStoreError, SessionConflictError if it could not be stored
   * @throws SessionValueError if this cannot be a user id
   */
  signIn(userId: string, options?: RegenerateOptions): Promise<Session> {
    return this.#current.signIn(userId, options);
  }

  /** Signs the user out: `destroy()`. */
  signOut(): Promise<void> {
    return this.#current.destroy();
  }

  /**
   * Stores the changes now instead of with the response, for instance before another service is told
   * of them, or within a long stream.
   *
   * @throws SessionStoreError, SessionConflictError if they could not be stored
   * @throws SessionDestroyedError if the session was destroyed or ran out meanwhile
   */
  save(): Promise<void> {
    return this.#current.save();
  }
}
