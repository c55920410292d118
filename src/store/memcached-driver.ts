import { createHash } from 'node:crypto';

import { ReadRecord, RecordRefused, WriteRecord } from './atomic-record.js';
import { MemcachedNodes } from './memcached-nodes.js';
import { MAX_TTL_SECONDS, type MemcachedOptions } from './memcached-options.js';
import { expectReply, readItem, type MemcachedItem } from './memcached-replies.js';

/** For keys that hold records: renew what is read to so many seconds; 0: read it only. */
export interface GetOptions {
  readonly renewTo?: number;
}

/** `cache-manager-memcached-store` wraps what it stores in this. */
interface Envelope {
  readonly value: unknown;
}

/**
 * The driver below `cache-manager-memcached-store`. Records go as the text they are and by
 * compare-and-set; all other values as JSON, as in any cache.
 *
 * Protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */
export class MemcachedDriver {
  private readonly nodes: MemcachedNodes;

  constructor(options: MemcachedOptions) {
    this.nodes = new MemcachedNodes(options);
  }

  /** A record with `renewTo`, read and renewed by one command; else the value that was set. */
  async get(key: string, options?: GetOptions): Promise<unknown> {
    if (options?.renewTo !== undefined) {
      const { renewTo } = options;
      const command = renewTo === 0 ? 'gets' : `gats ${exptime(renewTo)}`;
      const item = await this.retrieve(command, safeKey(key));
      return item && new ReadRecord(item.text, item.version);
    }
    const item = await this.retrieve('get', safeKey(key));
    return item && (JSON.parse(item.text) as unknown);
  }

  async set(key: string, { value }: Envelope, ttlSeconds = 0): Promise<void> {
    const safe = safeKey(key);
    if (!(value instanceof WriteRecord)) {
      await this.store('set', safe, JSON.stringify(value), ttlSeconds);
      return;
    }
    const { text, version } = value;
    try {
      if (version === undefined) await this.store('add', safe, text ?? '', ttlSeconds);
      else if (text === null) await this.remove(safe, version);
      else await this.store('cas', safe, text, ttlSeconds, version);
    } catch (error) {
      throw refusalOf(error) ?? error;
    }
  }

  async delete(key: string): Promise<void> {
    const safe = safeKey(key);
    try {
      await this.nodes.send(safe, `delete ${safe}\r\n`, (reply) => expectReply(reply, 'DELETED'));
    } catch (error) {
      if (refusalOf(error)?.reason !== 'gone') throw error;
    }
  }

  disconnect(): void {
    this.nodes.close();
  }

  /**
   * Compare and delete, which the protocol has no command for: a time to live below zero has passed
   * already. What remains is an empty item that nobody can read; memcached is told to drop it.
   */
  private async remove(key: string, version: string): Promise<void> {
    await this.store('cas', key, '', -1, version);
    this.nodes.tell(key, `delete ${key} noreply\r\n`);
  }

  private retrieve(command: string, key: string): Promise<MemcachedItem | undefined> {
    return this.nodes.send(key, `${command} ${key}\r\n`, (reply) => readItem(reply, key));
  }

  private store(
    command: 'set' | 'add' | 'cas',
    key: string,
    data: string,
    ttl: number,
    version?: string,
  ): Promise<void> {
    const bytes = Buffer.byteLength(data);
    const cas = version === undefined ? '' : ` ${version}`;
    const line = `${command} ${key} 0 ${exptime(ttl)} ${bytes}${cas}`;
    return this.nodes.send(key, `${line}\r\n${data}\r\n`, (reply) => expectReply(reply, 'STORED'));
  }
}

/** What memcached says of a record that is not as expected; errors to the client library. */
function refusalOf(error: unknown): RecordRefused | undefined {
  switch (error instanceof Error ? error.message : undefined) {
    case 'NOT_STORED':
      return new RecordRefused('taken');
    case 'EXISTS':
      return new RecordRefused('changed');
    case 'NOT_FOUND':
      return new RecordRefused('gone');
    default:
      return undefined;
  }
}

/** Keys are part of the command line: what cannot stand there is hashed. Store keys never are. */
function safeKey(key: string): string {
  if (/^[\x21-\x7e]{1,250}$/.test(key)) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}

/** What memcached takes for a time to live: so many seconds, or beyond 30 days a date. */
function exptime(seconds: number): number {
  return seconds > MAX_TTL_SECONDS ? Math.floor(Date.now() / 1000) + seconds : seconds;
}
