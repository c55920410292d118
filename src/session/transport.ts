import type { ForeignSession } from './foreign-session.js';
import type { SessionError } from './errors.js';
import type { SessionTicket } from './storage/keys.js';
import type { SessionClient } from './session-user.js';

/** What carries the session id between the client and a request. */
export interface SessionTransport {
  /** The id that the client sent, if it has the form of one. Read when first needed. */
  presentedTicket(): SessionTicket | undefined;
  /** Called before the session is loaded read-only. */
  onRead(): void;
  /** Called once, before the session is first loaded writable. */
  onUse(): void;
  /** Whether an id can still be sent: the client is connected, and its response has not begun. */
  readonly isOpen: boolean;
  /** Whether browsers would not send the cookie back to this path, so that no session can begin. */
  readonly isOutside?: boolean;
  /** The client's address and user agent, for a sign-in. Absent: unknown. */
  client?(): SessionClient;
  /** Whether no cookie can ever be set here (a socket's message), so that no session can begin. */
  readonly isMute?: boolean;
  /** The session of another library that the client has, to be carried over. */
  foreignSession?(): ForeignSession | undefined;
  /** Called if that session cannot be stored here: it is too large, or its user has too many. */
  onNotAdopted?(error: SessionError): void;
  /** Called if the client's id is unknown. May throw. */
  onUnknownId?(): void;
}

/** What the response must tell the client: its id, or that its session has ended. */
export type IdUpdate = SessionTicket | 'over';
