import { createHash } from 'node:crypto';

import { ReadRecord, RecordRefused, WriteRecord, type ServerDiagnosis } from '../atomic-record.js';
import type { ServerHealth, ServerWatcher } from '../server-health.js';
import { metaRead, read, remove, store, withoutVersions } from './commands.js';
import type { Command } from './connection.js';
import { diagnose } from './diagnosis.js';
import { MemcachedNodes } from './nodes.js';
import { MAX_TTL_SECONDS, type CheckedMemcachedOptions } from './options.js';
import type { ReplyItem } from './reply-parser.js';

/** For keys that hold records: the new life of the record in seconds. 0: only read it. */
export interface GetOptions {
  readonly renewTo?: number;
}

/** `cache-manager-memcached-store` wraps values in this. */
interface Envelope {
  readonly value: unknown;
}

/**
 * The driver of `cache-manager-memcached-store`. Records are stored unchanged, by compare-and-set; all
 * other values are stored as JSON.
 *
 * Protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 */
export class MemcachedDriver {
  private readonly nodes: MemcachedNodes;

  constructor(options: CheckedMemcachedOptions) {
    this.nodes = new MemcachedNodes(options);
  }

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

  /** With `renewTo`: reads and renews a record by one command. Without: reads a JSON value. */
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
    // Compare-and-delete, for which the protocol has no command: an item with a negative time to live has
    // expired at once. memcached drops the unreadable empty item itself. A `delete` after the `cas` could
    // remove a record that another process has stored under the key in between.
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
  const { text, isRepeatable } = command;
  return { text, isRepeatable, read: (reply) => recordIn(command.read(reply)) };
}

/** Does not check the text: `RecordSeal` refuses what other programs have stored. */
function recordIn(item: ReplyItem | undefined): ReadRecord | undefined {
  if (!item) return undefined;
  const { text = '', version = '0', secondsLeft } = item;
  if (version === '0') throw withoutVersions();
  // `lifetime()` added one second when it was stored.
  return new ReadRecord(text, version, secondsLeft && Math.max(0, secondsLeft - 1));
}

/** Hashes keys that a command line cannot hold. Keys of sessions are always safe. */
function safeKey(key: string): string {
  if (/^[\x21-\x7e]{1,250}$/.test(key)) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}

/**
 * For records, which must not end early: memcached's clock ticks once a second, so an item with a time to
 * live of N seconds may be gone after N - 1.
 */
function lifetime(seconds: number): number {
  return exptime(seconds + 1);
}

/** The time to live for memcached: seconds, or a Unix time if it is longer than 30 days. */
function exptime(seconds: number): number {
  return seconds > MAX_TTL_SECONDS ? Math.ceil(Date.now() / 1000) + seconds : seconds;
}
