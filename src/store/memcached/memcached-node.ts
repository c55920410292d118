import type { Socket } from 'node:net';

import { MemcacheClient } from 'memcache-client';

import { writeInBatch } from './command-batch.js';
import { DeadlineError, DEFAULT_OPERATION_TIMEOUT, within } from '../deadline.js';
import { giveUp, guard } from './guarded-socket.js';
import { signIn } from './memcached-auth.js';
import type { MemcachedOptions, MemcachedServer } from './memcached-options.js';
import { errorKind, expectVersion, GarbledReply } from './memcached-replies.js';
import { ServerHealth } from '../server-health.js';
import type { WeightedServer } from './server-ranking.js';

type Reader<T> = (reply: unknown) => T;

/** One memcached server: its connections, a deadline for each operation, and how it does. */
export class MemcachedNode implements WeightedServer {
  readonly server: string;
  readonly weight: number;
  readonly health: ServerHealth;
  private readonly client: MemcacheClient;
  private readonly timeout: number;
  private underWay = 0;
  private isClosing = false;

  /** `onReturn`: what to do before a server that was down is used again. */
  constructor(
    server: MemcachedServer,
    private readonly options: MemcachedOptions,
    onReturn?: (node: MemcachedNode) => Promise<void>,
  ) {
    ({ server: this.server, weight: this.weight = 1 } =
      typeof server === 'string' ? { server } : server);
    this.timeout = options.timeout ?? DEFAULT_OPERATION_TIMEOUT;
    this.client = connect(this.server, this.timeout, options);
    this.health = new ServerHealth(this.server, {
      kindOf: errorKind,
      probe: async () => {
        await this.exchange('version\r\n', expectVersion);
        if (this.health.isDown) await onReturn?.(this);
      },
    });
  }

  /**
   * Sends a command and reads the reply. Rejects with memcached's word for it if it was not carried
   * out; at once if the server is down.
   */
  send<T>(command: string, read: Reader<T>): Promise<T> {
    return this.health.run(() => this.exchange(command, read));
  }

  /** The same, whether it is down or not. A connection whose replies make no sense, or come too late, is given up. */
  async exchange<T>(command: string, read: Reader<T>): Promise<T> {
    let usedSocket: Socket | undefined;
    this.underWay++;
    try {
      const reply = await within(
        this.timeout,
        this.client.xsend((socket) => this.write((usedSocket = socket), command)),
      );
      return read(reply);
    } catch (error) {
      const isOutOfStep = error instanceof GarbledReply || error instanceof DeadlineError;
      if (isOutOfStep && usedSocket) giveUp(usedSocket, error);
      throw error;
    } finally {
      this.underWay--;
      if (this.isClosing) this.closeWhenIdle();
    }
  }

  /**
   * Closes all connections, those of operations under way when they are done. Nest closes stores before
   * its HTTP server: requests in flight are still served, over connections that end with them.
   */
  close(): void {
    this.health.close();
    this.isClosing = true;
    this.closeWhenIdle();
  }

  private closeWhenIdle(): void {
    if (this.underWay === 0) this.client.shutdown();
  }

  /** A connection that is lost has no socket, and rejects its commands by itself. */
  private write(socket: Socket | undefined, command: string): void {
    if (!socket) return;
    const { auth } = this.options;
    if (guard(socket) && auth) signIn(socket, auth);
    writeInBatch(socket, command);
  }
}

function connect(server: string, timeout: number, options: MemcachedOptions): MemcacheClient {
  return new MemcacheClient({
    server: { server, maxConnections: options.connections ?? 1 },
    cmdTimeout: timeout,
    connectTimeout: timeout,
    // Small commands would wait for the acknowledgement of earlier ones.
    noDelay: true,
    logger: malformedReplies,
    ...(options.tls && { tls: options.tls }),
  });
}

/** The client library logs what it cannot read, and goes on as if nothing were. */
const malformedReplies = {
  debug: () => undefined,
  info: () => undefined,
  warn: refuse,
  error: refuse,
};

function refuse(message: string): never {
  throw new GarbledReply(message);
}
