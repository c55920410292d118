import { once } from 'node:events';

import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';

export type SocketPlatform = 'socket.io' | 'ws';

/** For `describe.each`: whatever holds, holds with both. */
export const SOCKET_PLATFORMS: SocketPlatform[] = ['socket.io', 'ws'];

/** Gateways of an application by this platform; Socket.IO is Nest's own choice as well. */
export function useSockets(platform: SocketPlatform): (app: INestApplication) => void {
  return (app) => {
    app.useWebSocketAdapter(platform === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  };
}

export interface Received {
  readonly event: string;
  readonly data: any;
}

/** A client of a gateway, by the platform's own client library. */
export interface GatewayClient {
  send(event: string, data?: unknown): void;
  /** The next message; rejects if the socket is closed first. */
  next(): Promise<Received>;
  /** Sends a message, and returns the next one that arrives. */
  ask(event: string, data?: unknown): Promise<Received>;
  /** Why the server closed it, as the platform reports it: a reason, or a code. */
  readonly closed: Promise<string | number>;
  readonly isOpen: boolean;
  close(): void;
}

/** What a client brings to the handshake: its cookie, or all headers. */
type Credentials = string | Record<string, string>;

function handshakeHeaders(credentials: Credentials = {}, origin?: string): Record<string, string> {
  const headers = typeof credentials === 'string' ? { cookie: credentials } : credentials;
  return { ...headers, ...(origin && { origin }) };
}

export async function connectGateway(
  platform: SocketPlatform,
  url: string,
  credentials?: Credentials,
  origin?: string,
): Promise<GatewayClient> {
  const inbox = new Inbox();
  if (platform === 'ws') {
    const socket = new WebSocket(url.replace('http', 'ws'), {
      headers: handshakeHeaders(credentials, origin),
    });
    socket.on('message', (data: Buffer) => inbox.put(JSON.parse(data.toString()) as Received));
    socket.on('close', (code) => inbox.close(code));
    await once(socket, 'open');
    return client(inbox, {
      send: (event, data) => socket.send(JSON.stringify({ event, data })),
      isOpen: () => socket.readyState === WebSocket.OPEN,
      close: () => socket.close(),
    });
  }
  const socket = connectSocketIo(url, credentials, undefined, origin);
  socket.onAny((event: string, data) => inbox.put({ event, data }));
  socket.on('disconnect', (reason) => inbox.close(reason));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return client(inbox, {
    send: (event, data) => void socket.emit(event, data),
    isOpen: () => socket.connected,
    close: () => socket.disconnect(),
  });
}

/** Socket.IO's own client, for what only that one has. */
export function connectSocketIo(
  url: string,
  credentials?: Credentials,
  transports?: string[],
  origin?: string,
): Socket {
  return io(url, {
    ...{ extraHeaders: handshakeHeaders(credentials, origin), forceNew: true, reconnection: false },
    transports: transports ?? ['websocket'],
  });
}

interface Wire {
  send(event: string, data: unknown): void;
  isOpen(): boolean;
  close(): void;
}

function client(inbox: Inbox, wire: Wire): GatewayClient {
  return {
    send: (event, data) => wire.send(event, data),
    next: () => inbox.next(),
    ask(event, data) {
      wire.send(event, data);
      return inbox.next();
    },
    closed: inbox.closed,
    get isOpen() {
      return wire.isOpen();
    },
    close: () => wire.close(),
  };
}

/** What came and was not asked for yet. */
class Inbox {
  private readonly received: Received[] = [];
  private readonly waiting: {
    readonly resolve: (item: Received) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  private ending: Error | undefined;
  private end: (reason: string | number) => void = () => undefined;
  readonly closed = new Promise<string | number>((resolve) => {
    this.end = resolve;
  });

  close(reason: string | number): void {
    this.ending = new Error(`closed: ${reason}`);
    for (const { reject } of this.waiting.splice(0)) reject(this.ending);
    this.end(reason);
  }

  put(item: Received): void {
    const waiting = this.waiting.shift();
    if (waiting) waiting.resolve(item);
    else this.received.push(item);
  }

  next(): Promise<Received> {
    const item = this.received.shift();
    if (item) return Promise.resolve(item);
    if (this.ending) return Promise.reject(this.ending);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }
}
