import memcachedStore from 'cache-manager-memcached-store';
import type { KeyvStoreAdapter, StoredData } from 'keyv';

import { SessionOptionsError } from '../session/session.errors.js';
import { ReadFailure, WriteRecord, type AtomicAdapter } from './atomic-record.js';
import { MemcachedDriver } from './memcached-driver.js';
import { MAX_TTL_SECONDS, type MemcachedOptions } from './memcached-options.js';

/** Makes a Keyv store of `cache-manager-memcached-store`, which counts in seconds. */
export class MemcachedAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  private readonly store;
  private prefix: string | undefined;
  private getOptions = { renewTo: 0 };

  constructor(options: MemcachedOptions) {
    this.store = memcachedStore.create({ driver: MemcachedDriver, options });
  }

  holdRecords(keyPrefix: string, lifeSeconds: number): void {
    if (lifeSeconds > MAX_TTL_SECONDS) {
      throw new SessionOptionsError('timeout', 'memcached holds nothing for more than 30 days');
    }
    this.prefix = keyPrefix;
    this.getOptions = { renewTo: lifeSeconds };
  }

  async get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    const isRecord = this.prefix !== undefined && key.startsWith(this.prefix);
    try {
      const value = await this.store.get(key, isRecord ? this.getOptions : undefined);
      if (value === undefined) return undefined;
      return isRecord ? { value: value as Value } : (value as StoredData<Value>);
    } catch (error) {
      if (!isRecord) throw error;
      return { value: new ReadFailure(error) as Value };
    }
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
      new Error('memcached is not cleared from here, as others use it too; use its flush_all'),
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
