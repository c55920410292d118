import memcachedStore from 'cache-manager-memcached-store';
import type { KeyvStoreAdapter, StoredData } from 'keyv';

import { SessionOptionsError } from '../../session/session.errors.js';
import { ReadFailure, readKey, WriteRecord, type AtomicAdapter } from '../atomic-record.js';
import { MemcachedDriver } from './memcached-driver.js';
import { MAX_TTL_SECONDS, type MemcachedOptions } from './memcached-options.js';
import type { ServerHealth } from '../server-health.js';

/** Makes a Keyv store of `cache-manager-memcached-store`, which counts in seconds. */
export class MemcachedAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  readonly rehashes: boolean;
  private readonly store;
  /** What to do with keys of these prefixes. */
  private readonly records = new Map<string, { renewTo: number }>();

  constructor(options: MemcachedOptions) {
    this.rehashes = options.rehash === true;
    this.store = memcachedStore.create({ driver: MemcachedDriver, options });
  }

  get servers(): readonly ServerHealth[] {
    return this.store.memcached.servers;
  }

  holdRecords(keyPrefix: string, lifeSeconds: number): void {
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

  async get<Value>(asked: string): Promise<StoredData<Value> | undefined> {
    const held = this.recordOptionsOf(asked);
    const told = held && readKey(asked);
    const record = told ?? held;
    try {
      const value = await this.store.get(told?.key ?? asked, record);
      if (value === undefined) return undefined;
      return record ? { value: value as Value } : (value as StoredData<Value>);
    } catch (error) {
      if (!record) throw error;
      return { value: new ReadFailure(error) as Value };
    }
  }

  private recordOptionsOf(key: string): { renewTo: number } | undefined {
    for (const [prefix, options] of this.records) if (key.startsWith(prefix)) return options;
    return undefined;
  }

  async set(key: string, { value }: { value: unknown }, ttl?: number): Promise<void> {
    const seconds = ttl === undefined ? 0 : Math.max(1, Math.ceil(ttl / 1000));
    await this.store.set(key, value instanceof WriteRecord ? value : { value }, seconds);
  }

  async delete(key: string): Promise<boolean> {
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

  disconnect(): Promise<void> {
    this.store.memcached.disconnect();
    return Promise.resolve();
  }
}
