import type { IncomingMessage } from 'node:http';

import type { SessionRoute } from '../http/route.js';
import type { SessionAccess } from '../session/access.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';
import { closeClient, type SocketClient } from './end.js';
import type { SocketSession } from './socket-session.js';

/** Not all servers of Socket.IO tell the raw headers. */
export type Handshake = Pick<IncomingMessage, 'headers' | 'socket'> &
  Partial<Pick<IncomingMessage, 'rawHeaders'>>;

/**
 * The session of a handshake: for those who check it, and for GraphQL over the WebSocket it opened,
 * where nothing waits for a session to be stored. So it is read only, and as it is at each look.
 */
export class HandshakeSession implements SessionRoute {
  private socket: SocketSession | undefined;
  private webSocket: SocketClient | undefined;
  private isTheGateways = false;

  /** `open`: called at the first look. */
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

  /** The same, now that the WebSocket is known which it opened. */
  through(webSocket: object | undefined): this {
    this.webSocket ??= webSocket;
    return this;
  }

  /** Whether somebody who looked has found one. */
  get hasSession(): boolean {
    return this.socket?.hasSession ?? false;
  }

  /** From now on a gateway sees to it that its client is closed when the session ends. */
  leaveToGateway(): void {
    this.isTheGateways = true;
    this.socket?.leave();
  }

  private opened(): SocketSession {
    if (this.socket) return this.socket;
    const socket = this.open({ close: () => this.close() });
    const connection = this.request.socket;
    if (this.isTheGateways || !this.closesConnection || connection.destroyed) socket.leave();
    else connection.once('close', () => socket.leave());
    return (this.socket = socket);
  }

  private close(): void {
    if (this.webSocket) closeClient(this.webSocket);
    else if (this.closesConnection) this.request.socket.destroy();
  }

  /** Others' requests come over the same one if a socket begins without, as Socket.IO's do. */
  private get closesConnection(): boolean {
    return (this.request as { readonly upgrade?: boolean }).upgrade === true;
  }
}
