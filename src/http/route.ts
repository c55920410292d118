import type { SessionAccess } from '../session/access.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';

/** Leads to a session: from a request, from a gateway's client, or from the handshake of a socket. */
export interface SessionRoute {
  readonly manager: SessionManager;
  load(access?: SessionAccess): Promise<Session>;
}
