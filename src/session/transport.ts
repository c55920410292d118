import type { ForeignSession } from './foreign-session.js';
import type { SessionError } from './errors.js';
import type { SessionTicket } from './storage/keys.js';
import type { SessionClient } from './session-user.js';

/** What a request brings, as it was when its session was first used. */
export interface IncomingSession {
  /** The id that the client sent, if it has the form of one. */
  readonly ticket: SessionTicket | undefined;
  /** The session of another library that the client has, to be carried over. */
  readonly foreign?: () => ForeignSession | undefined;
  /** Whether browsers would not send the cookie back to this path, so that no session can begin. */
  readonly isOutside?: boolean;
  /** The client's address and user agent, for a sign-in. Absent: unknown. */
  readonly client?: () => SessionClient;
}

/** What carries the session id between the client and a request. */
export interface SessionTransport {
  /** Called once, at the first use. May throw. */
  receive(): IncomingSession;
  /** Whether an id can still be sent: the client is connected, and its response has not begun. */
  readonly isOpen: boolean;
  /** Whether no id can ever be sent here (a socket's message), so that no session can begin. */
  readonly isOneWay?: boolean;
  /**
   * Called if the foreign session cannot be carried over: it is too large, its user has too many, or its own
   * store fails, which rejects the first use, too.
   */
  onNotAdopted?(error: SessionError): void;
  /** Called if the client's id is unknown. May throw. */
  onUnknownId?(): void;
}

/** What the response must send to the client: its id, or that its session has ended. */
export type IdUpdate = SessionTicket | 'over';
