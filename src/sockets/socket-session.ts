import type { SessionEdge } from '../http/request-session.js';
import type { SocketRoute } from '../http/socket-route.js';
import type { SessionAccess } from '../session/session-access.js';
import type { SessionTicket } from '../session/session-keys.js';
import type { Session } from '../session/session.js';
import { closeClient, SocketEndedError } from './socket-end.js';
import { currentMessage, SocketMessage, type MessageSocket } from './socket-message.js';
import type { KeptSocket, SocketRegistry } from './socket-registry.js';

/**
 * The session of one socket, by the cookie of its handshake.
 *
 * It is looked for when the socket opens. If it is there then, the socket ends with it. If not, as
 * with the cookie of a session that ran out long ago, the socket has no session, and none to lose.
 */
export class SocketSession implements SocketRoute, MessageSocket, KeptSocket {
  opening: Promise<void> | undefined;
  isEnded = false;
  private looking: SocketMessage | undefined;

  constructor(
    readonly edge: SessionEdge,
    private readonly client: object,
    private readonly registry: SocketRegistry,
    public ticket: SessionTicket | undefined,
  ) {
    if (ticket) this.open(ticket);
  }

  /** The session of the message under way; from outside of one the session as it is now. */
  load(access?: SessionAccess): Promise<Session> {
    const message = currentMessage();
    return (message?.socket === this ? message : this.look()).load(access);
  }

  onStranger(): void {
    if (!this.opening) this.refuse();
    this.registry.delete(this);
    this.ticket = undefined;
  }

  refuse(): never {
    this.isEnded = true;
    setImmediate(() => this.close());
    throw new SocketEndedError();
  }

  /** A message that took the session out of the store itself is answered first. */
  onRemoved(): void {
    const message = currentMessage();
    if (message?.socket === this) message.endsSocket = true;
    else this.close();
  }

  close(): void {
    this.isEnded = true;
    this.registry.delete(this);
    closeClient(this.client);
  }

  private open(ticket: SessionTicket): void {
    this.registry.add(this.edge.repository.keyOf(ticket), this);
    const look = new SocketMessage(this);
    this.looking = look;
    // If the store cannot be asked, the next message or sweep finds out.
    this.opening = look
      .open()
      .catch(() => undefined)
      .finally(() => {
        this.opening = undefined;
        if (this.looking === look) this.looking = undefined;
      });
  }

  /** Those who look at the same time see the same. */
  private look(): SocketMessage {
    if (this.looking) return this.looking;
    const look = new SocketMessage(this);
    this.looking = look;
    const end = () => {
      if (this.looking === look) this.looking = undefined;
    };
    look.load({ onOutage: 'refuse' }).then(end, end);
    return look;
  }
}
