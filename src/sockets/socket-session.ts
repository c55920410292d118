import type { SessionEdge } from '../http/request-session.js';
import type { SessionRoute } from '../http/route.js';
import { CurrentSession } from '../session/current-session.js';
import type { SessionAccess } from '../session/access.js';
import type { SessionTicket } from '../session/storage/keys.js';
import { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';
import { currentMessage } from './current-message.js';
import { noMessage } from './no-message.js';
import { closeClient, SocketEndedError } from './end.js';
import { SocketMessage, type MessageSocket } from './message.js';
import type { KeptSocket, SocketRegistry } from './registry.js';

/**
 * The session of one socket, by the id that its handshake brought.
 *
 * It is looked for when the socket opens. If it is there then, or was when somebody checked the
 * handshake, the socket ends with it. If not, as with the cookie of a session that ran out long ago,
 * the socket has no session, and none to lose.
 */
export class SocketSession implements SessionRoute, MessageSocket, KeptSocket {
  /** The look at the handshake, which messages wait for; `undefined`: it is done. */
  opening: Promise<void> | undefined;
  isEnded = false;
  /** Its client has gone. Nobody takes answers any more, and handlers that have not begun are not called. */
  hasLeft = false;
  private looking: SocketMessage | undefined;

  constructor(
    readonly edge: SessionEdge,
    private readonly client: object,
    private readonly registry: SocketRegistry,
    public ticket: SessionTicket | undefined,
    /** Whether a look has found one: then the socket ends with it. */
    public hasSession = false,
  ) {
    if (ticket) this.open(ticket);
  }

  /** The session of the message under way; from outside of one the session as it is now. */
  load(access?: SessionAccess): Promise<Session> {
    return (this.message ?? this.look(access?.touch)).current.load(access);
  }

  get manager(): SessionManager {
    return new SessionManager(this);
  }

  /** Of the message under way, for the manager. Outside of one all it does rejects. */
  get current(): CurrentSession {
    return this.message?.current ?? new CurrentSession(this.edge.repository, noMessage);
  }

  onUnknownId(): void {
    if (this.hasSession || !this.opening) this.refuse();
    this.leave();
    this.ticket = undefined;
  }

  refuse(): never {
    this.isEnded = true;
    setImmediate(() => this.close());
    throw new SocketEndedError();
  }

  /** A message that took the session out of the store itself is answered first. */
  onRemoved(): void {
    const { message } = this;
    if (message) message.endsSocket = true;
    else this.close();
  }

  onDisconnect(): void {
    this.hasLeft = true;
    this.leave();
  }

  /** It is closed, or for others to be closed. */
  leave(): void {
    this.registry.delete(this);
  }

  close(): void {
    this.isEnded = true;
    this.leave();
    try {
      closeClient(this.client);
    } catch (error) {
      // Of a listener of the application's, or of its adapter: no fault of who ended the session.
      this.edge.log.notClosed(error);
    }
  }

  private open(ticket: SessionTicket): void {
    this.registry.add(this.edge.repository.keyOf(ticket), this);
    // If the store cannot be asked, the next message or sweep finds out.
    this.opening = this.ask(new SocketMessage(this)).finally(() => (this.opening = undefined));
  }

  /** Those who look at the same time see the same. */
  private look(touch?: boolean): SocketMessage {
    if (this.looking) return this.looking;
    const look = new SocketMessage(this);
    void this.ask(look, touch);
    return look;
  }

  private async ask(look: SocketMessage, touch?: boolean): Promise<void> {
    this.looking = look;
    try {
      await look.current.load({ onOutage: 'refuse', touch });
      this.hasSession = this.ticket !== undefined;
    } catch {
      // Whoever looks is told.
    }
    this.looking = undefined;
  }

  private get message(): SocketMessage | undefined {
    const message = currentMessage();
    return message?.socket === this ? message : undefined;
  }
}
