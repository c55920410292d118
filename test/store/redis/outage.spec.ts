import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis as IoRedis } from 'ioredis';
import { Redis as IoValkey } from 'iovalkey';
import { createClient } from 'redis';

import { SessionStoreError } from '../../../src/session/errors.js';
import type { RedisLocation } from '../../../src/store/redis/options.js';
import { redisStore } from '../../../src/store/redis/store.js';
import { openSessionStore } from '../../../src/store/store.factory.js';
import { startRedis, type RedisProgram } from '../../support/redis.js';
import { cacheOver, KEY_PREFIX, TIMEOUT } from '../../support/stores.js';
import { tcpProxy } from '../../support/tcp-proxy.js';
import { vanishingProxy } from '../../support/vanishing-proxy.js';

/** The timeout of an operation in milliseconds. */
const TIME_OUT = 200;

const clients: [string, (port: number) => RedisLocation, RedisProgram][] = [
  [
    'Redis, with redis',
    (port) => createClient({ url: `redis://127.0.0.1:${port}` }),
    'redis-server',
  ],
  ['Redis, with ioredis', (port) => new IoRedis(port, { lazyConnect: true }), 'redis-server'],
  ['Valkey, with iovalkey', (port) => new IoValkey(port, { lazyConnect: true }), 'valkey-server'],
];

describe.each(clients)('sessions during an outage of %s', (_name, locationOf, program) => {
  const cleanUps: (() => Promise<unknown>)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function start() {
    const redis = await startRedis({ program });
    cleanUps.push(() => redis.stop());
    return redis;
  }

  async function openAt(port: number) {
    const client = locationOf(port);
    const keyv = redisStore({ client: client as never, timeout: TIME_OUT });
    const open = openSessionStore(cacheOver(keyv), {
      ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now },
    });
    cleanUps.push(() => keyv.disconnect());
    const { store } = open;
    await store.create('sess:a', 'first', TIMEOUT);
    const { version } = (await store.find('sess:a'))!;
    const operations = [
      () => store.find('sess:a'),
      () => store.create('sess:b', 'text', TIMEOUT),
      () => store.update('sess:a', 'second', version, TIMEOUT),
      () => store.remove('sess:a', version),
    ];
    return { store, open, operations, server: open.servers[0]! };
  }

  async function failsInTime(operate: () => Promise<unknown>): Promise<void> {
    const begun = performance.now();
    const error = await operate().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SessionStoreError);
    expect(performance.now() - begun).toBeLessThan(TIME_OUT + 2_000);
  }

  /** Returns the milliseconds until the store answers again. */
  async function backIn(find: () => Promise<unknown>): Promise<number> {
    const begun = performance.now();
    for (;;) {
      const answer = await find().catch((error: unknown) => error);
      if (!(answer instanceof SessionStoreError)) return performance.now() - begun;
      expect(performance.now() - begun).toBeLessThan(10_000);
      await delay(10);
    }
  }

  it('fail at once after Redis was killed, and work after its restart', async () => {
    const redis = await start();
    const { operations, store, server } = await openAt(redis.port);
    await redis.kill();
    for (const operate of operations) await failsInTime(operate);
    while (!server.isDown) await store.find('sess:a').catch(() => undefined);
    const again = await redis.again();
    cleanUps.push(() => again.stop());
    await backIn(() => store.find('sess:a'));
    expect(await store.create('sess:a', 'anew', TIMEOUT)).toBe('stored');
  });

  it('fail within the timeout while Redis hangs, and are unchanged when it continues', async () => {
    const redis = await start();
    const { operations, store } = await openAt(redis.port);
    redis.pause();
    await Promise.all(operations.map(failsInTime));
    redis.resume();
    await backIn(() => store.find('sess:a'));
    expect(['first', 'second', undefined]).toContain((await store.find('sess:a'))?.text);
  });

  it('use a new connection if the old one is half open', async () => {
    const redis = await start();
    const proxy = await vanishingProxy(redis.port);
    cleanUps.push(() => proxy.close());
    const { store } = await openAt(Number(proxy.server.split(':')[1]));
    const before = proxy.connections;
    proxy.vanish();
    await failsInTime(() => store.find('sess:a'));
    await backIn(() => store.find('sess:a'));
    expect((await store.find('sess:a'))?.text).toBe('first');
    expect(proxy.connections).toBeGreaterThan(before);
  });

  it('use a new connection if the server has become a replica, as after a failover by DNS', async () => {
    const [old, next] = [await start(), await start()];
    const proxy = await tcpProxy(old.port);
    cleanUps.push(() => proxy.close());
    const { store, server } = await openAt(proxy.port);
    await next.command('REPLICAOF', '127.0.0.1', String(old.port));
    while (!(await next.command('GET', 'sess:a'))) await delay(10);
    await next.command('REPLICAOF', 'NO', 'ONE');
    await old.command('REPLICAOF', '127.0.0.1', String(next.port));
    proxy.leadTo(next.port); // the old server keeps its connections open
    await failsInTime(() => store.create('sess:c', 'text', TIMEOUT));
    await backIn(() => store.create('sess:c', 'text', TIMEOUT));
    const { version } = (await store.find('sess:a'))!;
    expect(await store.update('sess:a', 'second', version, TIMEOUT)).toBe('stored');
    expect(String(await next.command('GET', 'sess:a'))).toMatch(/:second$/);
    expect(server.state).not.toBe('down');
  });

  it('are read again, without an error, after a connection was closed', async () => {
    const redis = await start();
    const { store, server } = await openAt(redis.port);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    expect((await store.find('sess:a'))?.text).toBe('first');
    expect(server.state).toBe('up');
  });

  it('can be used by an application that starts during the outage', async () => {
    const redis = await start();
    await redis.kill();
    const keyv = redisStore({ client: locationOf(redis.port) as never, timeout: TIME_OUT });
    cleanUps.push(() => keyv.disconnect());
    const open = openSessionStore(cacheOver(keyv), {
      ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now },
    });
    expect(await open.diagnose(1_000_000)).toEqual([{ server: 'redis' }]);
    await failsInTime(() => open.store.find('sess:a'));
    const again = await redis.again();
    cleanUps.push(() => again.stop());
    await backIn(() => open.store.find('sess:a'));
  });
});
