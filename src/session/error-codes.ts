/**
 * The codes of errors, each with the class that carries it. docs/reference/errors.md is made from the comments
 * here (`npm run docs`): the meaning, the remedy, and what the client gets.
 */
export interface SessionErrorCodes {
  /**
   * The store cannot be reached, fails or is too slow, or too much waits for it. See `cause`.
   *
   * @remedy Check the servers of the store. The client can try again.
   * @answer The client gets a 503.
   */
  SESSION_STORE_UNAVAILABLE: 'SessionStoreError';
  /**
   * Other processes changed the session before each of 50 attempts.
   *
   * @remedy Write less often to one session. The client can try again.
   * @answer The client gets a 503.
   */
  SESSION_CONFLICT: 'SessionConflictError';
  /**
   * The record would exceed `maxBytes`, or what memcached takes (`-I`). The stored one stays as it
   * was.
   *
   * @remedy Keep large values elsewhere and only their keys in the session; or raise `-I`.
   * @answer The client gets a 500.
   */
  SESSION_TOO_LARGE: 'SessionTooLargeError';
  /**
   * A key or value that a session cannot hold; `path` says which.
   *
   * @remedy Store plain data.
   * @answer The client gets a 500.
   */
  SESSION_VALUE: 'SessionValueError';
  /**
   * A write to a session that was requested with `readOnly: true`, in GraphQL over a WebSocket, or
   * with a raw handshake.
   *
   * @remedy Use `@Session()`; over a WebSocket or in a handshake, use an HTTP request.
   * @answer The client gets a 500.
   */
  SESSION_READ_ONLY: 'SessionReadOnlyError';
  /**
   * A write to a session that this request destroyed, or that `signIn()` replaced; `save()` or
   * `regenerate()` of a session that was destroyed or expired, or `save()` when a user has signed in with
   * it since.
   *
   * @remedy Continue with the session that `signIn()` returned, or make a new one with the manager's
   * `create()`.
   * @answer The client gets a 500.
   */
  SESSION_DESTROYED: 'SessionDestroyedError';
  /**
   * A sign-in beyond `maxSessionsPerUser`, with `whenTooMany: 'refuse'`. Nothing changes.
   *
   * @remedy Let the user end another session first.
   * @answer The client gets a 409.
   */
  SESSION_LIMIT: 'SessionLimitError';
  /**
   * `confirmSignIn()` of a session in which no user is signed in.
   *
   * @remedy Call `signIn(userId)`.
   * @answer The client gets a 500.
   */
  SESSION_NOBODY: 'SessionError';
  /**
   * Not thrown as a `SessionError`: the `code` in the body of the 403 that
   * [`@FreshSession()`](../guides/freshness.md) answers. No user is signed in, or the sign-in is too
   * long ago.
   *
   * @remedy Ask for the password, call `confirmSignIn()`, and let the client try again.
   */
  SESSION_NOT_FRESH: 'ForbiddenException';
  /**
   * Not thrown as a `SessionError`: the `code` in the body of the 403 that
   * [`CrossSiteGuard`](../guides/cross-site-requests.md) answers. Another site made the browser send
   * the request.
   *
   * @remedy If that is meant to be, name the origin in `allowedOrigins`, or put `@AllowCrossSite()` on
   * the handler.
   */
  SESSION_CROSS_SITE: 'ForbiddenException';
  /**
   * A wrong option; `option` names it.
   *
   * @remedy See the message.
   * @answer Thrown at start.
   */
  SESSION_OPTIONS: 'SessionOptionsError';
  /**
   * No `SessionModule` serves this request.
   *
   * @remedy Import `SessionModule.forRoot()` in your `AppModule`. If it is there, see the message:
   * there may be two copies of this package (`npm ls nestjs-session-manager`).
   * @answer The client gets a 500.
   */
  SESSION_MODULE_MISSING: 'SessionError';
  /**
   * An application imports `SessionModule` several times, with different options or from different
   * copies of the package.
   *
   * @remedy Import it once, in your `AppModule`, or with the same options.
   * @answer Thrown at start.
   */
  SESSION_MODULE_TWICE: 'SessionError';
  /**
   * `SessionModule` is imported without `forRoot()`.
   *
   * @remedy Import `SessionModule.forRoot()`, once; or nothing, as it is global.
   * @answer Thrown at start.
   */
  SESSION_MODULE_BARE: 'SessionError';
  /**
   * Two Nest applications have one `FastifyAdapter`.
   *
   * @remedy Give each its own.
   * @answer Thrown at start.
   */
  SESSION_SERVER_SHARED: 'SessionError';
  /**
   * A write to a cache that sessions are in, with a key that begins with `keyPrefix`.
   *
   * @remedy Put a prefix of its own before other keys.
   * @answer The client gets a 500.
   */
  SESSION_FOREIGN_KEY: 'SessionError';
  /**
   * There is neither an HTTP request nor a socket, as in a microservice or a job; or `sessionOf()` was
   * given something else.
   *
   * @remedy Give it a request, a context or a gateway's client. Where there is none, pass on the data
   * itself.
   * @answer The client gets a 500.
   */
  SESSION_NO_HTTP: 'SessionError';
  /**
   * `create()`, `regenerate()`, `signIn()` or the first `save()` of a new session, outside
   * `cookie.path`.
   *
   * @remedy Do it below that path, or widen it.
   * @answer The client gets a 500.
   */
  SESSION_OUTSIDE_PATH: 'SessionError';
  /**
   * `save()`, `destroy()` or `regenerate()` was given a callback.
   *
   * @remedy Await the promise.
   * @answer The client gets a 500.
   */
  SESSION_CALLBACK: 'SessionError';
  /**
   * `create()`, `regenerate()`, `signIn()` or the first `save()` of a new session, after the first
   * byte or when the client has gone.
   *
   * @remedy Do it before the first byte.
   * @answer The client gets a 500.
   */
  SESSION_RESPONSE_BEGUN: 'SessionError';
  /**
   * In a gateway: a write to a session that does not exist yet, `create()`, `regenerate()`,
   * `signIn()`.
   *
   * @remedy Do it in an HTTP request, then let the client reconnect.
   * @answer No answer is sent.
   */
  SESSION_NO_RESPONSE: 'SessionError';
  /**
   * In a message: the socket's session has ended or has a new id. The socket is closed.
   *
   * @remedy Let the client reconnect.
   * @answer No answer is sent.
   */
  SESSION_ENDED: 'SessionError';
  /**
   * The use of `SessionManager` in a gateway outside of a message, as in `handleConnection()`; or in
   * GraphQL over a WebSocket.
   *
   * @remedy Use `sessionOf(client)` and its `save()`; in GraphQL, `@Session()`.
   * @answer No answer is sent.
   */
  SESSION_NO_MESSAGE: 'SessionError';
  /**
   * The test kit's `sessionCookie()`, in an application that accepts ids only in a header.
   *
   * @remedy Use `sessionHeaders()`.
   */
  SESSION_NO_COOKIE: 'SessionError';
}

/** The `code` of a `SessionError`, and the two codes of guards. Their meanings: docs/reference/errors.md. */
export type SessionErrorCode = keyof SessionErrorCodes;
