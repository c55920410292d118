import { DOCUMENTATION } from './documentation.js';
import type { SessionErrorCode } from './error-codes.js';
import { printable } from './printable.js';

const SESSION_ERROR = Symbol('session error');

/** Characters; far more than any of them needs. */
const MAX_MESSAGE = 2000;
/** Of a value within a session, which may lie deep. */
const MAX_PATH = 1600;

/**
 * The base class of this package's errors. Each has a stable `code` for programs, and a message that names the
 * remedy and where to read more. No message contains a session id, a key or an address. Text from outside, such as
 * the name of an entry, is escaped and shortened in it, so it can be logged.
 */
export class SessionError extends Error {
  /** By a mark, not by descent: outage errors descend from an error of Nest's as well. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === SessionError) return value instanceof Error && SESSION_ERROR in value;
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }

  readonly [SESSION_ERROR] = true;
  /** Stable across releases, for programs: `SESSION_…`. */
  readonly code: SessionErrorCode;
  /** Where the documentation explains the code and its remedy. */
  readonly help: string;

  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    const help = `${DOCUMENTATION}reference/errors#${code.toLowerCase()}`;
    super(`${printable(message, MAX_MESSAGE).replace(/(?<![.!?…])$/, '.')} See ${help}`, options);
    this.name = new.target.name;
    this.code = code;
    this.help = help;
  }

  /** What GraphQL servers include in their answer (GraphQL specification, 7.1.2). */
  get extensions(): object {
    return { code: this.code };
  }
}

/**
 * An error caused by the store, not by the request: the client gets a 503.
 *
 * `status`, `statusCode` and `expose` are the signature of the `http-errors` package, which Nest,
 * Express and Fastify all turn into a response of that status with a generic body.
 */
export abstract class SessionUnavailableError extends SessionError {
  /** The status of the response. */
  readonly status = 503;
  /** The status of the response, for Nest and Fastify. */
  readonly statusCode = 503;
  /** The client does not get the message. */
  readonly expose = false;

  /** With the status for Apollo Server's answer. */
  override get extensions(): object {
    return { code: this.code, http: { status: this.status } };
  }
}

/** The store could not be reached, failed, or did not answer in time. See `cause`. */
export class SessionStoreError extends SessionUnavailableError {
  constructor(options?: ErrorOptions) {
    super(
      'SESSION_STORE_UNAVAILABLE',
      'The session store is unavailable. Try again; if it lasts, check the servers of the store.',
      options,
    );
  }
}

/** The store cannot do this now, and nothing has changed; other operations may still work. */
export class SessionStoreRefusal extends SessionStoreError {}

/** Another request was faster, and this one's change cannot follow it. Nothing was stored. */
export class SessionConflictError extends SessionUnavailableError {
  constructor(conflict: string) {
    super('SESSION_CONFLICT', `${conflict} Try again.`);
  }
}

/** The record is larger than `maxBytes`, or than the store takes. The stored record is unchanged. */
export class SessionTooLargeError extends SessionError {
  /** `limit`: `maxBytes`, or what the store says. */
  constructor(bytes: number, limit: number | string) {
    const problem = typeof limit === 'number' ? `maxBytes is ${limit}` : limit;
    super(
      'SESSION_TOO_LARGE',
      `The session would take ${bytes} bytes, but ${problem}. Keep large values elsewhere, and only ` +
        'their keys in the session.',
    );
  }
}

/** A key or value that a session cannot store, or an invalid argument. `path` says where it is. */
export class SessionValueError extends SessionError {
  /** Where the value is, such as `cart.items[2].price`, escaped. */
  readonly path: string;

  constructor(path: string, problem: string) {
    const place = printable(path, MAX_PATH);
    super('SESSION_VALUE', `session.${place}: ${problem}`);
    this.path = place;
  }
}

/** The session was destroyed by this request or another one, or has expired, or a user has signed in. */
export class SessionDestroyedError extends SessionError {
  constructor() {
    super(
      'SESSION_DESTROYED',
      'The session is gone: it was destroyed, ran out, or somebody has signed in with it since it was ' +
        'read. After signIn() use the session that it returned; for a new one call ' +
        'SessionManager.create().',
    );
  }
}

/**
 * The user already has `maxSessionsPerUser` sessions, and `whenTooMany` is `'refuse'`. The client gets a
 * 409; the session that was to be signed in is unchanged.
 */
export class SessionLimitError extends SessionError {
  // As for `SessionUnavailableError`, but the client may read the message.
  /** The status of the response. */
  readonly status = 409;
  /** The status of the response, for Nest and Fastify. */
  readonly statusCode = 409;
  /** The client gets the message. */
  readonly expose = true;

  constructor() {
    const message = 'You already have as many sessions as allowed. Sign out somewhere else first.';
    super('SESSION_LIMIT', message);
    // The message is for the application's user, and has no link to this documentation.
    this.message = message;
  }
}

/** The browser would not send the cookie to where it was given. */
export function outsidePath(operation: string): SessionError {
  return new SessionError(
    'SESSION_OUTSIDE_PATH',
    `${operation}: this route lies outside cookie.path, so the browser would not send the session's ` +
      'cookie here. Do it below that path, or widen cookie.path.',
  );
}

/** The error of an operation that needs a signed-in user. */
export function nobody(operation: string): SessionError {
  return new SessionError(
    'SESSION_NOBODY',
    `${operation}: nobody is signed in with this session. Sign the user in with signIn().`,
  );
}

/** The error of a session that needs an id where no response can carry it. */
export function noResponse(operation: string): SessionError {
  return new SessionError(
    'SESSION_NO_RESPONSE',
    `${operation}: the client of a socket cannot be given a session id, as only an HTTP response ` +
      'can carry one. Do it in an HTTP request, and have the client connect again afterwards.',
  );
}

/** A write to a read-only session, such as one requested with `readOnly: true`. Nothing is changed. */
export class SessionReadOnlyError extends SessionError {
  constructor() {
    super(
      'SESSION_READ_ONLY',
      'This session is read-only: it was requested with readOnly: true, or by GraphQL over a WebSocket, ' +
        'where no answer waits for a commit. Change it in an HTTP request, with @Session().',
    );
  }
}

/** An invalid option; the message begins with its name. Thrown at start, or by `memcachedStore()`. */
export class SessionOptionsError extends SessionError {
  /** The option's name, such as `cookie.domain`. */
  readonly option: string;

  constructor(option: string, problem: string) {
    const name = printable(option);
    super('SESSION_OPTIONS', `${name}: ${problem}`);
    this.option = name;
  }
}
