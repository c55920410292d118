import { connect, type Socket } from 'node:net';

import {
  Connection,
  type Command,
  type ConnectionObserver,
  type Dialer,
} from '../../src/store/memcached/connection.js';
import { read } from '../../src/store/memcached/commands.js';
import { manualServer, type ManualServer } from './manual-server.js';

/** Observes a connection, and records its reports. */
export class TestObserver implements ConnectionObserver {
  isDown = false;
  replies = 0;
  readonly refusals: unknown[] = [];
  readonly losses: { error: Error; failed: number }[] = [];

  replied(): void {
    this.replies++;
  }

  refused(error: unknown): void {
    this.refusals.push(error);
  }

  lost(error: Error, failed: number): void {
    this.losses.push({ error, failed });
  }
}

/** Connects to a port of this machine, and counts the writes. */
export class TestDialer implements Dialer {
  readonly isOpenedByServer = false;
  readonly sockets: Socket[] = [];
  readonly writes: string[] = [];
  greeting: Command<unknown> | undefined;

  constructor(private readonly port: number) {}

  dial(signal: AbortSignal): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1');
      signal.addEventListener('abort', () => socket.destroy());
      socket.once('error', reject);
      socket.once('connect', () => {
        this.sockets.push(socket);
        const write = socket.write.bind(socket);
        socket.write = (text: string) => {
          this.writes.push(text);
          return write(text);
        };
        resolve(socket);
      });
    });
  }
}

/** A connection to a server that the test answers by hand. */
export interface ConnectionWorld {
  readonly server: ManualServer;
  readonly dialer: TestDialer;
  readonly observer: TestObserver;
  readonly connection: Connection;
  /** Reads a key; answers its text. */
  readonly get: (key: string) => Promise<string | undefined>;
  close(): Promise<void>;
}

export async function connectionWorld(timeout = 1_000): Promise<ConnectionWorld> {
  const server = await manualServer();
  const dialer = new TestDialer(server.port);
  const observer = new TestObserver();
  const connection = new Connection(dialer, timeout, observer);
  return {
    ...{ server, dialer, observer, connection },
    get: (key) => connection.send(read('get', key)).then((item) => item?.text),
    async close() {
      await server.close();
      connection.close();
    },
  };
}

/** What memcached answers to a `get` of a key that it has. */
export function valueReply(key: string, text: string): string {
  return `VALUE ${key} 0 ${Buffer.byteLength(text)}\r\n${text}\r\nEND\r\n`;
}

/** The same to the line of such a command, with `text of <key>`. */
export function replyTo(line: string): string {
  const key = line.split(' ')[1]!;
  return valueReply(key, `text of ${key}`);
}
