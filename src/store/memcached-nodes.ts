import { createHash } from 'node:crypto';

import memcacheClient from 'memcache-client';

import { writeInBatch } from './command-batch.js';
import { DEFAULT_OPERATION_TIMEOUT, within } from './deadline.js';
import type { MemcachedOptions } from './memcached-options.js';

type Client = InstanceType<typeof memcacheClient.MemcacheClient>;

interface Node {
  readonly server: string;
  readonly client: Client;
}

/** What memcached sends back for a key. */
export interface MemcachedItem {
  readonly value: unknown;
  readonly version: string;
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

  /** Sends a retrieval command, such as `gats 1200`, for one key. */
  async retrieve(command: string, key: string): Promise<MemcachedItem | undefined> {
    const found = (await this.send(key, `${command} ${key}\r\n`)) as Record<string, RawItem>;
    const item = found[key];
    if (item) return { value: item.value, version: String(item.casUniq) };
    if (Object.keys(found).length > 0) throw new Error('memcached answered for another key');
    return undefined;
  }

  /** Sends any other command. Rejects with memcached's word for it if it was not carried out. */
  async send(key: string, command: string): Promise<unknown> {
    const { client } = this.nodeOf(key);
    this.underWay++;
    try {
      return await within(this.timeout, send(client, command));
    } finally {
      this.underWay--;
      if (this.isClosing) this.closeWhenIdle();
    }
  }

  /** Sends a command that has no answer, and that nothing depends on. */
  tell(key: string, command: string): void {
    send(this.nodeOf(key).client, command, { noreply: true }).catch(() => undefined);
  }

  /** Closes all connections, those of operations under way when they are done. */
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

interface RawItem {
  readonly value: unknown;
  readonly casUniq: string | number;
}

function connect(server: string, timeout: number, options: MemcachedOptions): Client {
  return new memcacheClient.MemcacheClient({
    server: { server, maxConnections: options.connections ?? 1 },
    cmdTimeout: timeout,
    connectTimeout: timeout,
    // Small commands would wait for the acknowledgement of earlier ones.
    noDelay: true,
    ...(options.tls && { tls: options.tls }),
  });
}

function send(client: Client, command: string, options?: { noreply: true }): Promise<unknown> {
  // A connection that is lost has no socket, and rejects its commands by itself.
  return client.xsend((socket) => socket && writeInBatch(socket, command), options);
}

function weight(server: string, key: string): number {
  return createHash('md5').update(server).update(key).digest().readUInt32BE();
}
