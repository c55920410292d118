import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import KeyvPostgres from '@keyv/postgres';
import { createCache, type Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import type { SessionStore } from '../../src/session/storage/store.js';
import { cacheStore } from '../../src/store/contract/cache-store.js';
import { memcachedStore } from '../../src/store/memcached/store.js';
import { memoryStore } from '../../src/store/memory/store.js';
import { redisStore } from '../../src/store/redis/store.js';
import type { RedisLocation } from '../../src/store/redis/options.js';
import { openSessionStore } from '../../src/store/store.factory.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { MapSessionStore } from './map-store.js';
import { startMemcached, type Memcached } from './memcached.js';
import { PostgresAdapter } from './postgres-adapter.js';
import { startPostgres } from './postgres.js';
import { startRedis, type Redis } from './redis.js';
import { SqliteAdapter } from './sqlite-adapter.js';

/** Idle timeout in seconds of the stores that tests open. */
export const TIMEOUT = 1200;
export const KEY_PREFIX = 'sess:';

/** A store under test, and the ways to look behind it. */
export interface OpenStore {
  readonly store: SessionStore;
  /** The same sessions as another process sees them. */
  readonly another: SessionStore;
  /** Whether a record will exist after this number of seconds. */
  isThereAfter(key: string, seconds: number): Promise<boolean>;
  close(): Promise<void>;
}

export function sessionStoreOver(keyv: Keyv, now: () => number = Date.now): SessionStore {
  return openSessionStore(cacheOver(keyv), { keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now }).store;
}

export function cacheOver(keyv: Keyv): Cache {
  return createCache({ stores: [keyv] });
}

export async function openMemory(): Promise<OpenStore> {
  const clock = new TestClock();
  const logger = { log: () => undefined, warn: () => undefined };
  const keyv = memoryStore({ now: clock.now, logger });
  const store = sessionStoreOver(keyv, clock.now);
  return {
    store,
    another: sessionStoreOver(keyv, clock.now),
    isThereAfter: afterPassing(store, clock),
    close: () => keyv.disconnect(),
  };
}

/** Two stores over a Redis, each as `redisStore` takes it. */
export async function openRedis(
  locations: (redis: Redis) => readonly [RedisLocation, RedisLocation],
): Promise<OpenStore> {
  const redis = await startRedis();
  const keyvs = locations(redis).map((location) => redisStore(location));
  const [store, another] = keyvs.map((keyv) => sessionStoreOver(keyv));
  return {
    store: store!,
    another: another!,
    async isThereAfter(key, seconds) {
      return Number(await redis.command('PTTL', key)) > seconds * 1000;
    },
    async close() {
      await Promise.all(keyvs.map((keyv) => keyv.disconnect()));
      await redis.stop();
    },
  };
}

/** A `SessionStore` of an application's own. */
export async function openContract(): Promise<OpenStore> {
  const clock = new TestClock();
  const records = new Map();
  const open = () => sessionStoreOver(cacheStore(new MapSessionStore(records, clock.now)));
  const store = open();
  return Promise.resolve({
    store,
    another: open(),
    isThereAfter: afterPassing(store, clock),
    close: () => Promise.resolve(),
  });
}

export async function openMemcached(server?: Memcached): Promise<OpenStore> {
  const memcached = server ?? (await startMemcached());
  const [one, other] = [memcachedStore(memcached.server), memcachedStore(memcached.server)];
  return {
    store: sessionStoreOver(one),
    another: sessionStoreOver(other),
    isThereAfter: async (key, seconds) => (await secondsLeft(memcached, key)) > seconds,
    async close() {
      await Promise.all([one.disconnect(), other.disconnect()]);
      if (!server) await memcached.stop();
    },
  };
}

export async function openPostgres(): Promise<OpenStore> {
  const postgres = await startPostgres();
  const clock = new TestClock();
  // One for both, since its connections are shared by all adapters anyway.
  const keyv = new Keyv({ store: new KeyvPostgres({ uri: postgres.url }) });
  const store = sessionStoreOver(keyv, clock.now);
  return {
    store,
    another: sessionStoreOver(keyv, clock.now),
    isThereAfter: afterPassing(store, clock),
    async close() {
      await keyv.disconnect();
      await postgres.stop();
    },
  };
}

export interface OpenTier {
  readonly tier: Keyv;
  /** Lets this number of seconds pass in a store that has a clock of its own. */
  readonly pass?: (seconds: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** memcached, and a durable store behind it that keeps copies. */
export async function openTiered(
  openTier: (now: () => number) => Promise<OpenTier>,
): Promise<OpenStore> {
  const memcached = await startMemcached();
  const clock = new TestClock();
  const { tier, close, pass } = await openTier(clock.now);
  const processes = [memcachedStore(memcached.server), memcachedStore(memcached.server)];
  const [store, another] = processes.map(
    (fast) =>
      openSessionStore(createCache({ stores: [fast, tier] }), {
        ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: clock.now },
      }).store,
  );
  return {
    store: store!,
    another: another!,
    async isThereAfter(key, seconds) {
      // In memcached a record may be there for longer, as it is read after it was written.
      await memcached.command(`delete ${key}`);
      clock.pass(seconds);
      await pass?.(seconds);
      return (await another!.find(key)) !== undefined;
    },
    async close() {
      await Promise.all(processes.map((fast) => fast.disconnect()));
      await Promise.all([close(), memcached.stop()]);
    },
  };
}

export async function contractTier(now: () => number): Promise<OpenTier> {
  const tier = cacheStore(new MapSessionStore(new Map(), now));
  return Promise.resolve({ tier, close: () => tier.disconnect() });
}

export async function postgresTier(): Promise<OpenTier> {
  const postgres = await startPostgres();
  const tier = new Keyv({ store: new PostgresAdapter({ uri: postgres.url }) });
  return {
    tier,
    async close() {
      await tier.disconnect();
      await postgres.stop();
    },
  };
}

export async function sqliteTier(): Promise<OpenTier> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
  const tier = new Keyv({ store: new SqliteAdapter(join(folder, 'sessions.db')) });
  return {
    tier,
    async close() {
      await tier.disconnect();
      await rm(folder, { recursive: true });
    },
  };
}

/** Seconds that an item has left in memcached; asking does not renew it. 0: there is no item. */
export async function secondsLeft(memcached: Memcached, key: string): Promise<number> {
  const [, seconds] = /^HD t(-?\d+)/.exec(await memcached.command(`mg ${key} t`)) ?? [];
  return Number(seconds ?? 0);
}

function afterPassing(store: SessionStore, clock: TestClock): OpenStore['isThereAfter'] {
  return async (key, seconds) => {
    clock.pass(seconds);
    return (await store.find(key)) !== undefined;
  };
}
