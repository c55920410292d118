import memcachedStore, { type MemcachedStoreClient } from 'cache-manager-memcached-store';
import type { KeyvStoreAdapter, StoredData } from 'keyv';

import { SessionOptionsError } from '../../session/errors.js';
import { ReadFailure, readKey, WriteRecord, type AtomicAdapter } from '../atomic-record.js';
import { MemcachedDriver } from './driver.js';
import { MAX_TTL_SECONDS, type CheckedMemcachedOptions } from './options.js';
import { foreignKey } from '../foreign-keys.js';
import type { ServerHealth, ServerWatcher } from '../server-health.js';

/** Makes a Keyv store of `cache-manager-memcached-store`, which counts in seconds. */
export class MemcachedAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  readonly mayGetServersBack: boolean;
  private store: MemcachedStoreClient<MemcachedDriver>;
  /** What to do with keys of these prefixes. */
  private readonly records = new Map<string, { renewTo: number }>();
  private readonly watchers: ServerWatcher[] = [];
  /** Applications that use it, and how often it was to be disconnected since it is open. */
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
      this.records.clear();
      this.open();
    }
    if (lifeSeconds > MAX_TTL_SECONDS) {
      throw new SessionOptionsError('timeout', 'memcached holds nothing for more than 30 days');
    }
    if ((this.records.get(keyPrefix)?.renewTo ?? lifeSeconds) !== lifeSeconds) {
      throw new SessionOptionsError(
        'timeout',
        `this store already keeps sessions with the keyPrefix ${keyPrefix} and another timeout`,
      );
    }
    this.records.set(keyPrefix, { renewTo: lifeSeconds });
  }

  get<Value>(asked: string): Promise<StoredData<Value> | undefined> {
    const held = this.recordOptionsOf(asked);
    if (!held) return this.store.get(asked) as Promise<StoredData<Value> | undefined>;
    const told = readKey(asked);
    return this.store.get(told?.key ?? asked, told ?? held).then(
      (value) => (value === undefined ? undefined : { value: value as Value }),
      (error) => ({ value: new ReadFailure(error) as Value }),
    );
  }

  private refuseForeign(key: string): void {
    for (const prefix of this.records.keys()) if (key.startsWith(prefix)) throw foreignKey(prefix);
  }

  private recordOptionsOf(key: string): { renewTo: number } | undefined {
    for (const [prefix, options] of this.records) if (key.startsWith(prefix)) return options;
    return undefined;
  }

  async set(key: string, { value }: { value: unknown }, ttl?: number): Promise<void> {
    if (!(value instanceof WriteRecord)) this.refuseForeign(key);
    const seconds = ttl === undefined ? 0 : Math.max(1, Math.ceil(ttl / 1000));
    await this.store.set(key, value instanceof WriteRecord ? value : { value }, seconds);
  }

  async delete(key: string): Promise<boolean> {
    this.refuseForeign(key); // sessions are removed by what is set
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
   * Closes the connections, once each application that uses the store has asked for it. Requests that are
   * still in flight then are served. Whoever keeps sessions in it afterwards, such as the next application
   * of a test, opens new ones.
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
