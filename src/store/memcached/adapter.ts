import memcachedStore, { type MemcachedStoreClient } from 'cache-manager-memcached-store';
import type { KeyvStoreAdapter, StoredData } from 'keyv';

import { SessionOptionsError } from '../../session/errors.js';
import { ReadFailure, readKey, WriteRecord, type AtomicAdapter } from '../atomic-record.js';
import { MemcachedDriver, type GetOptions } from './driver.js';
import { MAX_TTL_SECONDS, type CheckedMemcachedOptions } from './options.js';
import { foreignKey } from '../foreign-keys.js';
import type { ServerHealth, ServerWatcher } from '../server-health.js';

/** Adapts `cache-manager-memcached-store`, whose TTLs are in seconds, to Keyv. */
export class MemcachedAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  readonly mayGetServersBack: boolean;
  private store: MemcachedStoreClient<MemcachedDriver>;
  /** The prefixes of keys that hold records, and the life of these. */
  private readonly records: { readonly prefix: string; readonly renewTo: number }[] = [];
  private readonly watchers: ServerWatcher[] = [];
  /** How many applications use it, and how many of them have called `disconnect()`. */
  private attached = 0;
  private disconnects = 0;
  private isClosed = false;

  constructor(private readonly options: CheckedMemcachedOptions) {
    this.mayGetServersBack = options.servers.some((server) => 'dns' in server);
    this.store = memcachedStore.create({ driver: MemcachedDriver, options });
  }

  get servers(): readonly ServerHealth[] {
    return this.store.memcached.servers;
  }

  watch(watcher: ServerWatcher): void {
    this.watchers.push(watcher);
    this.store.memcached.watch(watcher);
  }

  unwatch(watcher: ServerWatcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at !== -1) this.watchers.splice(at, 1);
    this.store.memcached.unwatch(watcher);
  }

  attach(): void {
    if (this.isClosed) this.open();
    this.attached++;
  }

  diagnose(maxBytes: number): ReturnType<MemcachedDriver['diagnose']> {
    return this.store.memcached.diagnose(maxBytes);
  }

  holdRecords(keyPrefix: string, lifeSeconds: number): void {
    if (this.isClosed) {
      this.records.length = 0;
      this.open();
    }
    if (lifeSeconds > MAX_TTL_SECONDS) {
      throw new SessionOptionsError('timeout', 'memcached holds nothing for more than 30 days');
    }
    const held = this.records.find(({ prefix }) => prefix === keyPrefix);
    if (held && held.renewTo !== lifeSeconds) {
      throw new SessionOptionsError(
        'timeout',
        `this store already keeps sessions with the keyPrefix ${keyPrefix} and another timeout`,
      );
    }
    if (!held) this.records.push({ prefix: keyPrefix, renewTo: lifeSeconds });
  }

  get<Value>(keyToRead: string): Promise<StoredData<Value> | undefined> {
    const defaults = this.recordsOf(keyToRead);
    if (!defaults) return this.store.get(keyToRead) as Promise<StoredData<Value> | undefined>;
    const parsed = readKey(keyToRead);
    const found = this.store.get(parsed?.key ?? keyToRead, parsed ?? defaults);
    return found.then(asStored<Value>, asFailure<Value>);
  }

  private refuseForeign(key: string): void {
    const held = this.recordsOf(key);
    if (held) throw foreignKey(held.prefix);
  }

  private recordsOf(key: string): (GetOptions & { readonly prefix: string }) | undefined {
    return this.records.find(({ prefix }) => key.startsWith(prefix));
  }

  async set(key: string, { value }: { value: unknown }, ttl?: number): Promise<void> {
    if (!(value instanceof WriteRecord)) this.refuseForeign(key);
    const seconds = ttl === undefined ? 0 : Math.max(1, Math.ceil(ttl / 1000));
    await this.store.set(key, value instanceof WriteRecord ? value : { value }, seconds);
  }

  async delete(key: string): Promise<boolean> {
    this.refuseForeign(key); // sessions are removed by `set`
    await this.store.del(key);
    return true;
  }

  clear(): Promise<void> {
    return Promise.reject(
      new Error('memcached is not cleared from here, as others may use it too; use its flush_all'),
    );
  }

  on(): this {
    return this;
  }

  /**
   * Closes the connections after each application that uses the store has called this. Requests in flight
   * are still served. A later application, such as the next one of a test, opens new connections.
   */
  disconnect(): Promise<void> {
    this.disconnects++;
    if (this.disconnects >= this.attached) {
      this.isClosed = true;
      this.attached = this.disconnects = 0;
      this.store.memcached.disconnect();
    }
    return Promise.resolve();
  }

  private open(): void {
    this.isClosed = false;
    this.store = memcachedStore.create({ driver: MemcachedDriver, options: this.options });
    for (const watcher of this.watchers) this.store.memcached.watch(watcher);
  }
}

function asStored<Value>(value: unknown): StoredData<Value> | undefined {
  return value === undefined ? undefined : { value: value as Value };
}

function asFailure<Value>(error: unknown): StoredData<Value> {
  return { value: new ReadFailure(error) as Value };
}
