import KeyvPostgres from '@keyv/postgres';
import { createCache, type Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import type { SessionStore } from '../../src/session/session-store.js';
import { memcachedStore } from '../../src/store/memcached-store.js';
import { memoryStore } from '../../src/store/memory-store.js';
import { openSessionStore } from '../../src/store/session-store.factory.js';
import { Clock } from './clock.js';
import { startMemcached, type Memcached } from './memcached.js';
import { startPostgres } from './postgres.js';

/** Idle timeout in seconds of the stores that tests open. */
export const TIMEOUT = 1200;
export const KEY_PREFIX = 'sess:';

/** A store under test, and the ways to look behind it. */
export interface OpenStore {
  readonly store: SessionStore;
  /** The same sessions as another process sees them. */
  readonly another: SessionStore;
  /** Whether a record will be, or would be, there so many seconds from now. */
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
  const clock = new Clock();
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
  const clock = new Clock();
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

/** What is left of an item's life in memcached; asking does not renew it. 0: there is none. */
export async function secondsLeft(memcached: Memcached, key: string): Promise<number> {
  const [, seconds] = /^HD t(-?\d+)/.exec(await memcached.command(`mg ${key} t`)) ?? [];
  return Number(seconds ?? 0);
}

function afterPassing(store: SessionStore, clock: Clock): OpenStore['isThereAfter'] {
  return async (key, seconds) => {
    clock.pass(seconds);
    return (await store.find(key)) !== undefined;
  };
}
