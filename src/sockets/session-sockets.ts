import type { IncomingMessage } from 'node:http';

import type { WebSocketAdapter } from '@nestjs/common';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';

import type { SessionEdge } from '../http/request-session.js';
import type { SessionRoute } from '../http/route.js';
import {
  clientHandshakes,
  clientRoutes,
  handshakesAt,
  type Handshakes,
} from '../http/socket-route.js';
import { gatewaysOf, interceptMessages } from './gateways.js';
import { HandshakeSession, type Handshake } from './handshake-session.js';
import { callHandler } from './message-call.js';
import { listenToHandlers } from './message-handlers.js';
import { listenToAdapter, type MessageCall, type SocketListener } from './adapter.js';
import { MessagesUnderWay } from './messages-under-way.js';
import type { SocketRegistry } from './registry.js';
import { SocketSession } from './socket-session.js';
import { SocketSweep } from './sweep.js';

/** How long the end of an application waits for messages, in milliseconds. */
const PATIENCE_MS = 10_000;

/** The sessions of an application's sockets. Does nothing in an application without sockets. */
export class SessionSockets implements SocketListener, Handshakes {
  private readonly sockets = new WeakMap<object, SocketSession>();
  private readonly handshakes = new WeakMap<object, HandshakeSession>();
  private readonly sweep: SocketSweep;

  private readonly underWay = new MessagesUnderWay();
  private stopWatching: (() => void) | undefined;

  /** `sweepEvery`: seconds. `watchRemovals`: reports sessions that other processes end. */
  constructor(
    readonly edge: SessionEdge,
    private readonly registry: SocketRegistry,
    sweepEvery: number | false,
    private readonly watchRemovals: (onRemoved: (key: string) => void) => () => void,
  ) {
    this.sweep = new SocketSweep(registry, edge.repository, sweepEvery);
  }

  /** Called before Nest binds the gateways. */
  serveGateways(modules: ModulesContainer, config: ApplicationConfig): void {
    const gateways = gatewaysOf(modules);
    if (gateways.length === 0) return;
    for (const gateway of gateways) {
      interceptMessages(gateway);
      listenToHandlers(gateway);
    }
    listenToAdapter(config, this);
  }

  /** Gives access to sessions in code that checks handshakes, and in GraphQL over a WebSocket. */
  serveHandshakes(server: object): void {
    handshakesAt.set(server, this);
  }

  /** Closes the sockets of ended sessions now. */
  closeEnded(): Promise<void> {
    return this.sweep.runAgain();
  }

  stop(): void {
    this.sweep.stop();
    this.stopWatching?.();
  }

  /** Waits for the messages that use a session, as their sockets are closed already: what they change is stored. */
  async end(): Promise<void> {
    const left = await this.underWay.ended(PATIENCE_MS);
    if (left > 0) this.edge.log.messagesCutOff(left);
  }

  /** Called once for each gateway that the client is connected to. */
  onConnect(adapter: WebSocketAdapter, client: object, ...more: unknown[]): void {
    if (this.sockets.has(client)) return;
    const request = handshakeOf(client, more);
    if (!request) return;
    const handshake = this.handshakeSession(request);
    handshake.leaveToGateway();
    const socket = this.open(client, request, handshake.hasSession);
    this.sockets.set(client, socket);
    clientRoutes.set(client, socket);
    clientHandshakes.set(client, request);
    if (socket.ticket) adapter.bindClientDisconnect?.(client, () => socket.onDisconnect());
  }

  sessionOf(request: IncomingMessage, webSocket: object | undefined): SessionRoute {
    return this.handshakeSession(request).through(webSocket);
  }

  onMessage(client: object, call: MessageCall, args: unknown[], event: string): Promise<unknown> {
    const socket = this.sockets.get(client);
    if (!socket) return call(...args);
    const { messageObserver } = this.edge.telemetry;
    const { underWay } = this;
    if (!messageObserver) return callHandler(socket, call, args, underWay);
    return messageObserver(event, (onOver) => callHandler(socket, call, args, underWay, onOver));
  }

  private handshakeSession(request: Handshake): HandshakeSession {
    let session = this.handshakes.get(request);
    if (!session) {
      session = new HandshakeSession(request, (client) => this.open(client, request));
      this.handshakes.set(request, session);
    }
    return session;
  }

  /** With the first socket that may have a session: without any, nothing is paid. */
  private start(): void {
    this.sweep.start();
    this.stopWatching ??= this.watchRemovals((key) => this.registry.removedElsewhere(key));
  }

  private open(client: object, handshake: Handshake, hasSession = false): SocketSession {
    const { headers, rawHeaders = [] } = handshake;
    const { isAmbiguous, ticket, by } = this.edge.transport.read({ headers, rawHeaders });
    if (isAmbiguous) this.edge.log.severalIds(by);
    if (ticket) this.start();
    return new SocketSession(this.edge, client, this.registry, ticket, hasSession);
  }
}

/** `ws` passes the handshake as the argument after the client; Socket.IO has it as a property of the client. */
function handshakeOf(client: object, [handshake]: unknown[]): Handshake | undefined {
  const request = handshake ?? (client as { request?: unknown }).request;
  return (request as Partial<Handshake> | undefined)?.headers && (request as Handshake);
}
