const SESSION_ERROR = Symbol('session error');

/**
 * What every error of this package has in common: a stable `code` for programs and a message that
 * names the remedy for people. No message holds a session id, a key or an address.
 */
export class SessionError extends Error {
  /** By what they are, not by descent: those of an outage descend from an error of Nest's as well. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === SessionError) return value instanceof Error && SESSION_ERROR in value;
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }

  readonly [SESSION_ERROR] = true;
  /** Stable across releases, for programs: `SESSION_…`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }

  /** What GraphQL servers put into their answer (GraphQL specification, 7.1.2). */
  get extensions(): object {
    return { code: this.code };
  }
}

/**
 * An error whose fault lies with the store, not with the request: the client gets a 503.
 *
 * `status`, `statusCode` and `expose` are the signature of the `http-errors` package, which Nest,
 * Express and Fastify all turn into a response of that status with a generic body.
 */
export abstract class SessionUnavailableError extends SessionError {
  readonly status = 503;
  readonly statusCode = 503;
  readonly expose = false;

  /** With the status that Apollo Server is to answer with. */
  override get extensions(): object {
    return { code: this.code, http: { status: this.status } };
  }
}

/** The store could not be reached, answered with an error, or not in time. See `cause`. */
export class SessionStoreError extends SessionUnavailableError {
  constructor(options?: ErrorOptions) {
    super(
      'SESSION_STORE_UNAVAILABLE',
      'The session store is unavailable. Try again; if it lasts, check the servers of the store.',
      options,
    );
  }
}

/** The store cannot do this now, and nothing has changed by it; other things it may still do. */
export class SessionStoreRefusal extends SessionStoreError {}

/** Others were faster, and what was asked for cannot be done after theirs. Nothing was stored. */
export class SessionConflictError extends SessionUnavailableError {
  constructor(conflict: string) {
    super('SESSION_CONFLICT', `${conflict} Try again.`);
  }
}

/** What to throw when every attempt to store a session found it changed. */
export function tooManyConflicts(attempts: number): SessionConflictError {
  return new SessionConflictError(
    `The session was changed by others during each of ${attempts} attempts to store it.`,
  );
}

/** The record would be larger than `maxBytes`. Nothing was sent; the stored record is as it was. */
export class SessionTooLargeError extends SessionError {
  constructor(bytes: number, maxBytes: number) {
    super(
      'SESSION_TOO_LARGE',
      `The session would take ${bytes} bytes, and maxBytes is ${maxBytes}. Keep large values ` +
        'elsewhere and only their keys in the session.',
    );
  }
}

/** An entry's key or value that the session cannot keep. `path` says where it is. */
export class SessionValueError extends SessionError {
  /** Where the value is, such as `cart.items[2].price`. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super('SESSION_VALUE', `session.${path}: ${problem}`);
    this.path = path;
  }
}

/** The session was destroyed, by this request or by another one, or ran out meanwhile. */
export class SessionDestroyedError extends SessionError {
  constructor() {
    super(
      'SESSION_DESTROYED',
      'The session is gone: destroyed, run out, or ended as another user signed in. Then go on with ' +
        'what signIn() answered; for a new one use SessionManager.create().',
    );
  }
}

/**
 * The user has as many sessions as may be, and `whenTooMany` is `'refuse'`. The client gets a 409; the
 * session that was to be signed in is as it was.
 */
export class SessionLimitError extends SessionError {
  // As above, but the client may read the message.
  readonly status = 409;
  readonly statusCode = 409;
  readonly expose = true;

  constructor() {
    super(
      'SESSION_LIMIT',
      'You are signed in as often as is allowed. Sign out somewhere else first.',
    );
  }
}

/** What to throw where a session would need a cookie that no response carries. */
export function noResponse(operation: string): SessionError {
  return new SessionError(
    'SESSION_NO_RESPONSE',
    `${operation}: the client of a socket cannot be given a session id, as only an HTTP response ` +
      'sets a cookie. Do it in an HTTP request, and let the client connect again after it.',
  );
}

/** A write to a session that was asked for with `readOnly: true`. Nothing is changed. */
export class SessionReadOnlyError extends SessionError {
  constructor() {
    super(
      'SESSION_READ_ONLY',
      'This session is read only: it was asked for with readOnly: true, or by GraphQL over a ' +
        'WebSocket, which waits for no store. Change it in an HTTP request, with @Session().',
    );
  }
}

/** A wrong option; the message begins with its name. Thrown once, when the module starts. */
export class SessionOptionsError extends SessionError {
  /** The option's name, such as `cookie.domain`. */
  readonly option: string;

  constructor(option: string, problem: string) {
    super('SESSION_OPTIONS', `${option}: ${problem}`);
    this.option = option;
  }
}
