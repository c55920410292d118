import type { ForeignSession } from './foreign-session.js';
import type { SessionTicket } from './storage/keys.js';
import type { SessionClient } from './session-user.js';

/** What carries the session id between the client and a request. */
export interface SessionTransport {
  /** The id the client sent, if it sent one that can be one. Read when first needed. */
  presentedTicket(): SessionTicket | undefined;
  /** Called before the session is read by who will not change it. */
  onRead(): void;
  /** Called once, before the session is first used by who may change it. */
  onUse(): void;
  /** Whether the client can still be told an id: it is there, and its response has not begun. */
  readonly isOpen: boolean;
  /** Whether a cookie given here would not come back here, so that no session can begin. */
  readonly isOutside?: boolean;
  /** What is known of the client, for a sign-in. Absent: nothing. */
  client?(): SessionClient;
  /** Whether no client can ever be told one here, so that no session can begin. */
  readonly isMute?: boolean;
  /** The session of another library that the client has, to be carried over. */
  foreignSession?(): ForeignSession | undefined;
  /** Called if no session has the id that the client sent. It may refuse, by an error. */
  onUnknownId?(): void;
}

/** What the client has to be told: an id, or that its session is over. */
export type IdUpdate = SessionTicket | 'over';
