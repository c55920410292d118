import type { IncomingMessage } from 'node:http';

import { CurrentSession } from '../session/current-session.js';
import type { IncomingSession, SessionTransport } from '../session/transport.js';
import type { SessionCookieAttributes } from './cookie.js';
import type { SessionEdge } from './request-session.js';

/**
 * The session of a request that the application does not answer by an HTTP response: the handshake of a
 * WebSocket, with which code keeps the session as long as the socket is open. `save()` stores its changes, and
 * nothing else does.
 */
export class UnansweredSession implements SessionTransport {
  readonly isOpen = false;
  readonly isOneWay = true;
  readonly current: CurrentSession;

  constructor(
    private readonly edge: SessionEdge,
    private readonly request: IncomingMessage,
  ) {
    this.current = new CurrentSession(edge.repository, this, edge.onOutage);
  }

  use(): CurrentSession {
    return this.current;
  }

  receive(): IncomingSession {
    const { transport, log } = this.edge;
    const { ticket, isAmbiguous, by } = transport.read(this.request);
    if (isAmbiguous) log.severalIds(by);
    return { ticket };
  }

  /** The application's clock. */
  get now(): () => number {
    return this.edge.repository.now;
  }

  get cookieAttributes(): SessionCookieAttributes {
    const { encrypted } = this.request.socket as { readonly encrypted?: boolean };
    return this.edge.transport.cookieAttributes(encrypted === true);
  }
}
