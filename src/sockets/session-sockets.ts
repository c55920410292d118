import type { IncomingMessage } from 'node:http';

import type { WebSocketAdapter } from '@nestjs/common';
import type { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { catchError, EMPTY, finalize, isObservable, Observable } from 'rxjs';

import type { SessionEdge } from '../http/request-session.js';
import { socketRoutes } from '../http/socket-route.js';
import { gatewaysOf, interceptMessages } from './gateways.js';
import { listenToAdapter, type MessageCall, type SocketListener } from './socket-adapter.js';
import { SocketMessage, within } from './socket-message.js';
import type { SocketRegistry } from './socket-registry.js';
import { SocketSession } from './socket-session.js';
import { SocketSweep } from './socket-sweep.js';

/** The sessions of an application's gateways. Without gateways it does nothing. */
export class SessionSockets implements SocketListener {
  private readonly sockets = new WeakMap<object, SocketSession>();
  private readonly sweep: SocketSweep;

  constructor(
    private readonly edge: SessionEdge,
    private readonly registry: SocketRegistry,
  ) {
    this.sweep = new SocketSweep(registry, edge.repository);
  }

  /** To be called before Nest binds the gateways. `sweepEvery`: seconds. */
  serve(modules: ModulesContainer, config: ApplicationConfig, sweepEvery: number | false): void {
    const gateways = gatewaysOf(modules);
    if (gateways.length === 0) return;
    gateways.forEach(interceptMessages);
    listenToAdapter(config, this);
    if (sweepEvery !== false) this.sweep.start(sweepEvery);
  }

  stop(): void {
    this.sweep.stop();
  }

  /** Once for each gateway that the client is connected to. */
  onConnect(adapter: WebSocketAdapter, client: object, ...more: unknown[]): void {
    if (this.sockets.has(client)) return;
    const request = handshakeOf(client, more);
    if (!request) return;
    const { isAmbiguous, ticket, by } = this.edge.transport.read(request);
    if (isAmbiguous) this.edge.log.severalIds(by);
    const socket = new SocketSession(this.edge, client, this.registry, ticket);
    this.sockets.set(client, socket);
    socketRoutes.set(client, socket);
    if (ticket) adapter.bindClientDisconnect?.(client, () => this.registry.delete(socket));
  }

  /** A socket that is being closed may still receive messages; they are dropped. */
  async onMessage(client: object, call: MessageCall, args: unknown[]): Promise<unknown> {
    const socket = this.sockets.get(client);
    if (!socket) return call(...args);
    if (socket.opening) await socket.opening;
    if (socket.isEnded) return undefined;
    const message = new SocketMessage(socket);
    const told = args.map((arg) =>
      typeof arg === 'function'
        ? message.holdAcknowledgement(arg as (...values: unknown[]) => unknown)
        : arg,
    );
    const answer = await within(message, () => call(...told));
    if (isObservable(answer)) return this.saved(message, answer);
    await this.finish(message);
    return answer;
  }

  /**
   * What guards, filters and global interceptors changed is stored, too. It is too late for a filter to
   * tell of it if that fails; there is no answer then.
   */
  private saved(message: SocketMessage, answers: Observable<unknown>): Observable<unknown> {
    const ofMessage = new Observable((subscriber) =>
      within(message, () => answers.subscribe(subscriber)),
    );
    return message.afterCommit(ofMessage).pipe(
      catchError((error: unknown) => {
        this.edge.log.notStored(error);
        return EMPTY;
      }),
      finalize(() => void this.finish(message)),
    );
  }

  private async finish(message: SocketMessage): Promise<void> {
    try {
      if (!message.hasFailed) await message.commit();
    } catch (error) {
      this.edge.log.notStored(error);
    }
    message.isOver = true;
    if (message.endsSocket) message.socket.close();
  }
}

type Handshake = Pick<IncomingMessage, 'headers' | 'rawHeaders'>;

/** It comes with a client of `ws`, and a client of Socket.IO has it; there not all servers tell the rest. */
function handshakeOf(client: object, more: unknown[]): Handshake | undefined {
  const [request] = more as [Partial<Handshake> | undefined];
  const own = (client as { request?: Partial<Handshake> }).request;
  const headers = request?.headers ?? own?.headers;
  const rawHeaders = request?.rawHeaders ?? own?.rawHeaders ?? [];
  return headers && { headers, rawHeaders };
}
