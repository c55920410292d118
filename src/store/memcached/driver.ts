import { createHash } from 'node:crypto';

import { ReadRecord, RecordRefused, WriteRecord, type ServerDiagnosis } from '../atomic-record.js';
import type { ServerHealth, ServerWatcher } from '../server-health.js';
import { metaRead, read, remove, store, withoutVersions } from './commands.js';
import type { Command } from './connection.js';
import { diagnose } from './diagnosis.js';
import { MemcachedNodes } from './nodes.js';
import { MAX_TTL_SECONDS, type CheckedMemcachedOptions } from './options.js';
import type { ReplyItem } from './reply-parser.js';

/** For keys that hold records: renew what is read to so many seconds; 0: read it only. */
export interface GetOptions {
  readonly renewTo?: number;
}

/** `cache-manager-memcached-store` wraps what it stores in this. */
interface Envelope {
  readonly value: unknown;
}

/**
 * The driver below `cache-manager-memcached-store`. Records are sent as they are and changed by
 * compare-and-set; all other values are JSON, as in any cache.
 *
 * Protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */
export class MemcachedDriver {
  private readonly nodes: MemcachedNodes;

  constructor(options: CheckedMemcachedOptions) {
    this.nodes = new MemcachedNodes(options);
  }

  /** How each server does. */
  get servers(): readonly ServerHealth[] {
    return this.nodes.health;
  }

  watch(watcher: ServerWatcher): void {
    this.nodes.watch(watcher);
  }

  unwatch(watcher: ServerWatcher): void {
    this.nodes.unwatch(watcher);
  }

  diagnose(maxBytes: number): Promise<ServerDiagnosis[]> {
    return this.nodes.diagnose((node) => diagnose(node, maxBytes));
  }

  /** A record with `renewTo`, read and renewed by one command; else the value that was set. */
  get(key: string, options?: GetOptions): Promise<unknown> {
    const safe = safeKey(key);
    if (options?.renewTo === undefined) {
      return this.nodes.send(safe, read('get', safe), 'get').then(jsonIn);
    }
    const { renewTo } = options;
    return this.nodes.send(safe, ({ speaksMeta }) => recordRead(safe, renewTo, speaksMeta), 'find');
  }

  set(key: string, { value }: Envelope, ttlSeconds = 0): Promise<void> {
    const safe = safeKey(key);
    if (value instanceof WriteRecord) return this.write(safe, value, ttlSeconds);
    const command = store('set', safe, JSON.stringify(value), exptime(ttlSeconds));
    return this.nodes.send(safe, command, 'set');
  }

  async delete(key: string): Promise<void> {
    const safe = safeKey(key);
    try {
      await this.nodes.send(safe, remove(safe), 'delete');
    } catch (error) {
      if (!(error instanceof RecordRefused)) throw error;
    }
  }

  disconnect(): void {
    this.nodes.close();
  }

  private write(key: string, { text, version }: WriteRecord, ttl: number): Promise<void> {
    if (version === undefined) {
      const command = store('add', key, text ?? '', lifetime(ttl));
      return this.nodes.send(key, command, 'create');
    }
    if (text !== null) {
      return this.nodes.send(key, store('cas', key, text, lifetime(ttl), version), 'update');
    }
    // Compare and delete, which the protocol has no command for: a time to live below zero has passed
    // already. What remains is an empty item that nobody can read, and that memcached drops by itself. A
    // `delete` behind it could hit what another process has stored under the key in between.
    return this.nodes.send(key, store('cas', key, '', -1, version), 'remove');
  }
}

function jsonIn(item: ReplyItem | undefined): unknown {
  return item?.text === undefined ? undefined : (JSON.parse(item.text) as unknown);
}

function recordRead(
  key: string,
  renewTo: number,
  isMeta: boolean,
): Command<ReadRecord | undefined> {
  const time = renewTo === 0 ? undefined : lifetime(renewTo);
  const command = isMeta
    ? metaRead(key, time)
    : read(time === undefined ? 'gets' : 'gats', key, time);
  return { ...command, read: (reply) => recordIn(command.read(reply)) };
}

/** What others have stored is handed on, too: it cannot be opened as a record. */
function recordIn(item: ReplyItem | undefined): ReadRecord | undefined {
  if (!item) return undefined;
  const { text = '', version = '0', secondsLeft } = item;
  if (version === '0') {
    throw withoutVersions();
  }
  // One second more was asked for when it was stored.
  return new ReadRecord(text, version, secondsLeft && Math.max(0, secondsLeft - 1));
}

/** Keys are part of the command line: what cannot stand there is hashed. Store keys never are. */
function safeKey(key: string): string {
  if (/^[\x21-\x7e]{1,250}$/.test(key)) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}

/**
 * For what must not end early: memcached's clock ticks once a second, so that an item with a time to live
 * of N seconds may be gone after N - 1.
 */
function lifetime(seconds: number): number {
  return exptime(seconds + 1);
}

/** What memcached takes for a time to live: so many seconds, or beyond 30 days a date. */
function exptime(seconds: number): number {
  return seconds > MAX_TTL_SECONDS ? Math.ceil(Date.now() / 1000) + seconds : seconds;
}
