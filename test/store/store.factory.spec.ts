import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';

import { SessionOptionsError, SessionStoreError } from '../../src/session/errors.js';
import { AtomicSessionStore } from '../../src/store/atomic-store.js';
import { memcachedStore } from '../../src/store/memcached/store.js';
import { WatchedSessionStore } from '../../src/store/watched-store.js';
import { openSessionStore, toKeyv } from '../../src/store/store.factory.js';
import { TieredSessionStore } from '../../src/store/tier/tiered-store.js';
import { PlainAdapter } from '../support/plain-adapter.js';

const NOWHERE = '127.0.0.1:1';
const settings = { keyPrefix: 'sess:', timeout: 1200, now: Date.now };

describe('the store for a cache', () => {
  it('is atomic over memcached', () => {
    const cache = createCache({ stores: [memcachedStore('127.0.0.1:1')] });
    expect(openSessionStore(cache, settings).store).toBeInstanceOf(AtomicSessionStore);
  });

  it('is plain over any other', () => {
    const cache = createCache({ stores: [new Keyv()] });
    expect(openSessionStore(cache, settings).store).toBeInstanceOf(WatchedSessionStore);
  });

  it('makes a Keyv and its adapter throw their errors', () => {
    const adapter = Object.assign(new PlainAdapter(), { throwOnErrors: false });
    const keyv = new Keyv({ store: adapter });
    openSessionStore(createCache({ stores: [keyv] }), settings);
    expect(keyv.throwOnErrors).toBe(true);
    expect(adapter.throwOnErrors).toBe(true);
  });

  it('refuses a second store behind a DNS name, whose servers may return with old sessions', () => {
    const fast = memcachedStore({ dns: 'cache.internal:11211' });
    const open = () => openSessionStore(createCache({ stores: [fast, new Keyv()] }), settings);
    expect(open).toThrow(SessionOptionsError);
    expect(open).toThrow(/^memcached\.servers: .*Name each server instead of \{ dns \}/);
  });

  it.each([
    ['a name', 'cache.internal:11211'],
    ['an ElastiCache cluster', { elasticache: 'cache.internal:11211' }],
  ])('accepts a second store behind %s', (_which, servers) => {
    const stores = [memcachedStore(servers), new Keyv()];
    const { store } = openSessionStore(createCache({ stores }), settings);
    expect(store).toBeInstanceOf(TieredSessionStore);
  });

  it('accepts a DNS name without a second store', () => {
    const cache = createCache({ stores: [memcachedStore({ dns: 'cache.internal:11211' })] });
    expect(openSessionStore(cache, settings).store).toBeInstanceOf(AtomicSessionStore);
  });

  it('keeps copies in a second store', () => {
    const stores = [memcachedStore('127.0.0.1:1'), new Keyv()];
    const { store } = openSessionStore(createCache({ stores }), settings);
    expect(store).toBeInstanceOf(TieredSessionStore);
    expect(stores[1]!.throwOnErrors).toBe(true);
  });

  it.each([
    ['two of which the first is not memcached', () => [new Keyv(), new Keyv()]],
    [
      'two of which the second is not durable',
      () => [memcachedStore('127.0.0.1:1'), memcachedStore('127.0.0.1:2')],
    ],
    ['three', () => [memcachedStore('127.0.0.1:1'), new Keyv(), new Keyv()]],
  ])('refuses several stores: %s', (_which, stores) => {
    const cache = createCache({ stores: stores() });
    const open = (): unknown => openSessionStore(cache, settings);
    expect(open).toThrow(SessionOptionsError);
    expect(open).toThrow(expect.objectContaining({ option: 'stores' }));
  });

  it('refuses the option durable without a durable store', () => {
    const cache = createCache({ stores: [memcachedStore('127.0.0.1:1')] });
    const open = (): unknown => openSessionStore(cache, { ...settings, durable: 'required' });
    expect(open).toThrow(expect.objectContaining({ option: 'durable' }));
  });

  it.each([
    ['KeyvRedis', /redisStore\(…\) of nestjs-session-manager\/redis/],
    ['KeyvValkey', /redisStore/],
    ['KeyvPostgres', /postgresStore/],
    ['KeyvSqlite', undefined],
  ])(
    'knows whether there is a better one than a plain %s, alone or behind another',
    (name, advice) => {
      const adapter = Object.assign(new PlainAdapter(), { constructor: { name } });
      const keyv = () => new Keyv({ store: adapter });
      for (const stores of [[keyv()], [memcachedStore(NOWHERE), keyv()]]) {
        const told = openSessionStore(createCache({ stores }), settings).advice;
        if (advice) expect(told).toMatch(advice);
        else expect(told).toBeUndefined();
      }
    },
  );

  it('waits for a non-blocking cache', async () => {
    const adapter = new PlainAdapter();
    const cache = createCache({ stores: [new Keyv({ store: adapter })], nonBlocking: true });
    adapter.failure = new Error('down');
    const creating = openSessionStore(cache, settings).store.create('sess:a', 'text', 60);
    await expect(creating).rejects.toThrow(SessionStoreError);
  });

  it.each([
    ['a plain one', (adapter: PlainAdapter) => [new Keyv({ store: adapter })]],
    ['a tier', (adapter: PlainAdapter) => [memcachedStore(NOWHERE), new Keyv({ store: adapter })]],
  ])('probes %s that is down until it is closed', async (_, storesOver) => {
    const adapter = new PlainAdapter();
    const cache = createCache({ stores: storesOver(adapter) });
    const open = openSessionStore(cache, settings);
    const server = open.servers.at(-1)!;
    adapter.failure = new Error('down');
    while (!server.isDown) await server.check();
    const asked = adapter.count('get');
    while (adapter.count('get') === asked) await delay(10);
    open.close();
    await delay(50); // for the probe under way
    const total = adapter.count('get');
    await delay(500); // the longest pause between two probes is 400 ms
    expect(adapter.count('get')).toBe(total);
  });

  it('keeps sessions of several prefixes apart, and refuses two lives for one of them', () => {
    const cache = createCache({ stores: [memcachedStore('127.0.0.1:1')] });
    const open = (keyPrefix: string, timeout: number) => (): unknown =>
      openSessionStore(cache, { ...settings, keyPrefix, timeout });
    expect(open('a:', 60)).not.toThrow();
    expect(open('b:', 90)).not.toThrow();
    expect(open('a:', 60)).not.toThrow();
    expect(open('a:', 90)).toThrow(expect.objectContaining({ option: 'timeout' }));
  });

  it('refuses a life that memcached would read as a date', () => {
    const cache = createCache({ stores: [memcachedStore('127.0.0.1:1')] });
    const open = (timeout: number) => (): unknown =>
      openSessionStore(cache, { ...settings, timeout });
    expect(open(2_592_001)).toThrow(expect.objectContaining({ option: 'timeout' }));
    expect(open(2_592_000)).not.toThrow();
  });
});

describe('a store of the options', () => {
  it('is used unchanged if it is a Keyv', () => {
    const keyv = new Keyv();
    expect(toKeyv(keyv)).toBe(keyv);
  });

  it('is put into a Keyv if it is an adapter, even if it looks like a Keyv', () => {
    const adapter = Object.assign(new PlainAdapter(), { throwOnErrors: false });
    expect(toKeyv(adapter)).toBeInstanceOf(Keyv);
    expect(toKeyv(adapter).store).toBe(adapter);
  });
});
