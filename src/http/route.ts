import type { SessionAccess } from '../session/access.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';

/** Gives access to the session of a request, a gateway's client, or a socket's handshake. */
export interface SessionRoute {
  readonly manager: SessionManager;
  load(access?: SessionAccess): Promise<Session>;
}
