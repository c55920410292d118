import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';

import memcacheClient from 'memcache-client';

import { writeInBatch } from './command-batch.js';
import { DeadlineError, DEFAULT_OPERATION_TIMEOUT, within } from './deadline.js';
import { giveUp, guard } from './guarded-socket.js';
import type { MemcachedOptions } from './memcached-options.js';
import { GarbledReply } from './memcached-replies.js';

type Client = InstanceType<typeof memcacheClient.MemcacheClient>;

interface Node {
  readonly server: string;
  readonly client: Client;
}

/** The memcached servers: to each key its server, to each operation its deadline. */
export class MemcachedNodes {
  private readonly nodes: Node[];
  private readonly timeout: number;
  private underWay = 0;
  private isClosing = false;

  constructor(options: MemcachedOptions) {
    this.timeout = options.timeout ?? DEFAULT_OPERATION_TIMEOUT;
    this.nodes = [options.servers].flat().map((server) => ({
      server,
      client: connect(server, this.timeout, options),
    }));
  }

  /**
   * Sends a command and reads the reply. Rejects with memcached's word for it if it was not carried
   * out. A connection whose replies make no sense, or come too late, is given up.
   */
  async send<T>(key: string, command: string, read: (reply: unknown) => T): Promise<T> {
    const { client } = this.nodeOf(key);
    let usedSocket: Socket | undefined;
    this.underWay++;
    try {
      const reply = await within(
        this.timeout,
        client.xsend((socket) => write((usedSocket = socket), command)),
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

  /** Sends a command that has no answer, and that nothing depends on. */
  tell(key: string, command: string): void {
    // It would open a connection again, for nobody to close.
    if (this.isClosing) return;
    const { client } = this.nodeOf(key);
    client.xsend((socket) => write(socket, command), { noreply: true }).catch(() => undefined);
  }

  /**
   * Closes all connections, those of operations under way when they are done. Nest closes stores before
   * its HTTP server: requests in flight are still served, over connections that end with them.
   */
  close(): void {
    this.isClosing = true;
    this.closeWhenIdle();
  }

  private closeWhenIdle(): void {
    if (this.underWay > 0) return;
    for (const { client } of this.nodes) client.shutdown();
  }

  /** Rendezvous hashing: a server more or less moves the keys of that server only. */
  private nodeOf(key: string): Node {
    const [first, ...others] = this.nodes;
    let best = first!;
    if (others.length === 0) return best;
    let highest = weight(best.server, key);
    for (const node of others) {
      const candidate = weight(node.server, key);
      if (candidate > highest) [best, highest] = [node, candidate];
    }
    return best;
  }
}

function connect(server: string, timeout: number, options: MemcachedOptions): Client {
  return new memcacheClient.MemcacheClient({
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

/** A connection that is lost has no socket, and rejects its commands by itself. */
function write(socket: Socket | undefined, command: string): void {
  if (socket) writeInBatch(guard(socket), command);
}

function weight(server: string, key: string): number {
  return createHash('md5').update(server).update(key).digest().readUInt32BE();
}
