import type { SessionEdge } from '../http/request-session.js';
import type { SessionRoute } from '../http/route.js';
import type { CurrentSession } from '../session/current-session.js';
import type { SessionAccess } from '../session/access.js';
import type { SessionTicket } from '../session/storage/keys.js';
import { SessionError } from '../session/errors.js';
import { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';
import { currentMessage } from './current-message.js';
import { closeClient, SocketEndedError } from './end.js';
import { SocketMessage, type MessageSocket } from './message.js';
import type { RegisteredSocket, SocketRegistry } from './registry.js';

/**
 * The session of one socket, by the id of its handshake.
 *
 * It is looked up when the socket opens. If it exists then, or did when code checked the handshake, the socket
 * is closed when the session ends. If not, as with the cookie of a session that expired long ago, the socket
 * has no session, and stays open.
 */
export class SocketSession implements SessionRoute, MessageSocket, RegisteredSocket {
  /** The lookup by the handshake's id. Messages wait for it. `undefined`: it is done. */
  opening: Promise<void> | undefined;
  isEnded = false;
  /** Its client has disconnected: answers are not sent, and handlers that have not begun are not called. */
  isDisconnected = false;
  private lookup: SocketMessage | undefined;

  constructor(
    readonly edge: SessionEdge,
    private readonly client: object,
    private readonly registry: SocketRegistry,
    public ticket: SessionTicket | undefined,
    /** Whether a lookup has found a session: the socket is then closed when that ends. */
    public hasSession = false,
  ) {
    if (ticket) this.open(ticket);
  }

  /** The session of the message in progress; outside of a message the session as it is now. */
  load(access?: SessionAccess): Promise<Session> {
    return (this.message ?? this.lookUp(access?.touch)).current.load(access);
  }

  get manager(): SessionManager {
    return new SessionManager(this);
  }

  /** Nest creates one manager per connection, so outside of a message its uses could not be distinguished. */
  use(): CurrentSession {
    if (this.message) return this.message.current;
    throw new SessionError(
      'SESSION_NO_MESSAGE',
      'Over a WebSocket, SessionManager works only in the messages of gateways. Outside them use ' +
        "sessionOf(client) and the session's own save(); in GraphQL use @Session().",
    );
  }

  onUnknownId(): void {
    if (this.hasSession || !this.opening) this.refuse();
    this.unregister();
    this.ticket = undefined;
  }

  refuse(): never {
    this.isEnded = true;
    setImmediate(() => this.close());
    throw new SocketEndedError();
  }

  /** A message that removed the session itself is answered first. */
  onRemoved(): void {
    const { message } = this;
    if (message) message.endsSocket = true;
    else this.close();
  }

  onDisconnect(): void {
    this.isDisconnected = true;
    this.unregister();
  }

  /** From now on this object does not close the socket: it is closed, or a gateway closes it. */
  unregister(): void {
    this.registry.delete(this);
  }

  close(): void {
    this.isEnded = true;
    this.unregister();
    try {
      closeClient(this.client);
    } catch (error) {
      // An error of the application's listener or adapter must not fail the request that ended the session.
      this.edge.log.notClosed(error);
    }
  }

  private open(ticket: SessionTicket): void {
    this.registry.add(this.edge.repository.keyOf(ticket), this);
    // If the store fails, the next message or sweep repeats the lookup.
    this.opening = this.run(new SocketMessage(this)).finally(() => (this.opening = undefined));
  }

  /** Parallel uses share one lookup. */
  private lookUp(touch?: boolean): SocketMessage {
    if (this.lookup) return this.lookup;
    const lookup = new SocketMessage(this);
    void this.run(lookup, touch);
    return lookup;
  }

  private async run(lookup: SocketMessage, touch?: boolean): Promise<void> {
    this.lookup = lookup;
    try {
      await lookup.current.load({ onOutage: 'refuse', touch });
      this.hasSession = this.ticket !== undefined;
    } catch {
      // The user of the lookup gets the error.
    }
    this.lookup = undefined;
  }

  private get message(): SocketMessage | undefined {
    const message = currentMessage();
    return message?.socket === this ? message : undefined;
  }
}
