import type { IncomingMessage } from 'node:http';

import type { SessionRoute } from '../http/route.js';
import type { SessionAccess } from '../session/access.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';
import { closeClient, type SocketClient } from './end.js';
import type { SocketSession } from './socket-session.js';

/** Some Socket.IO servers do not provide the raw headers. */
export type Handshake = Pick<IncomingMessage, 'headers' | 'socket'> &
  Partial<Pick<IncomingMessage, 'rawHeaders'>>;

/**
 * The session of a handshake: for code that checks the handshake, and for GraphQL over the WebSocket that it
 * opened. No response waits there until the session is stored, so the session is read-only, and is read
 * again at each use.
 */
export class HandshakeSession implements SessionRoute {
  private socket: SocketSession | undefined;
  private webSocket: SocketClient | undefined;
  private isTheGateways = false;

  /** `open`: called at the first use. */
  constructor(
    private readonly request: Handshake,
    private readonly open: (client: SocketClient) => SocketSession,
  ) {}

  load(access?: SessionAccess): Promise<Session> {
    return this.opened().load({ ...access, readOnly: true });
  }

  get manager(): SessionManager {
    return this.opened().manager;
  }

  /** Sets the opened WebSocket, if it is known now. */
  through(webSocket: object | undefined): this {
    this.webSocket ??= webSocket;
    return this;
  }

  /** Whether a use has found a session. */
  get hasSession(): boolean {
    return this.socket?.hasSession ?? false;
  }

  /** From now on a gateway closes the client when the session ends. */
  leaveToGateway(): void {
    this.isTheGateways = true;
    this.socket?.unregister();
  }

  private opened(): SocketSession {
    if (this.socket) return this.socket;
    const socket = this.open({ close: () => this.close() });
    const connection = this.request.socket;
    if (this.isTheGateways || !this.closesConnection || connection.destroyed) socket.unregister();
    else connection.once('close', () => socket.unregister());
    return (this.socket = socket);
  }

  private close(): void {
    if (this.webSocket) closeClient(this.webSocket);
    else if (this.closesConnection) this.request.socket.destroy();
  }

  /** Not without an upgrade, as in Socket.IO's polling: the connection may carry other requests. */
  private get closesConnection(): boolean {
    return (this.request as { readonly upgrade?: boolean }).upgrade === true;
  }
}
