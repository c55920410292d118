import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SessionStoreError } from '../../../src/session/errors.js';
import { ServerDialer } from '../../../src/store/memcached/server-dialer.js';
import { fakeDns, type FakeDns } from '../../support/fake-dns.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { freePort, startServer } from '../../support/server-process.js';
import { TIMEOUT } from '../../support/stores.js';
import { watchedStore, type WatchedStore } from '../../support/watched-store.js';

let open: WatchedStore;
let stops: (() => Promise<void>)[];

beforeEach(() => {
  stops = [];
});

afterEach(async () => {
  await open?.keyv.disconnect();
  await Promise.all(stops.map((stop) => stop()));
});

async function start(options: Parameters<typeof startMemcached>[0]): Promise<Memcached> {
  const memcached = await startMemcached(options);
  stops.push(() => memcached.stop());
  return memcached;
}

async function shouldKeepSessions({ store }: WatchedStore): Promise<void> {
  expect(await store.create('sess:a', 'first', TIMEOUT)).toBe('stored');
  const { version } = (await store.find('sess:a'))!;
  expect(await store.update('sess:a', 'second', version, TIMEOUT)).toBe('stored');
  expect(await store.find('sess:a')).toMatchObject({ text: 'second' });
}

describe('memcached', () => {
  it('is reached over IPv6', async () => {
    const memcached = await start({ host: '::1' });
    open = watchedStore(memcached.server);
    await shouldKeepSessions(open);
    expect(memcached.server).toMatch(/^\[::1\]:\d+$/);
    expect(await memcached.keys()).toEqual(['sess:a']);
    expect(open.servers.map(({ server }) => server)).toEqual([memcached.server]);
  });

  it('is reached over a Unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'memcached-'));
    const path = join(folder, 'cache.sock');
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    const server = await startServer('memcached', ['-s', path, ...user]);
    stops.push(async () => {
      await server.end('SIGKILL');
      await rm(folder, { recursive: true });
    });
    while (!(await accepts(path))) await delay(10);
    open = watchedStore(`unix:${path}`);
    await shouldKeepSessions(open);
    expect(open.servers.map(({ server: name }) => name)).toEqual([`unix:${path}`]);
  });

  it('is reported as down if no server listens at a Unix socket', async () => {
    open = watchedStore('unix:/nowhere/cache.sock');
    await expect(open.store.find('sess:a')).rejects.toBeInstanceOf(SessionStoreError);
    expect(open.told).toEqual([expect.stringMatching(/^down unix:\/nowhere.*ENOENT/)]);
  });
});

describe('the name of a memcached', () => {
  let names: FakeDns;

  beforeEach(() => {
    names = fakeDns();
  });

  afterEach(() => names.restore());

  it('is looked up for each connection; an address is not', async () => {
    const memcached = await start({});
    names.set('cache.test', '127.0.0.1');
    open = watchedStore({ servers: `cache.test:${memcached.port}`, connections: 2 });
    await shouldKeepSessions(open);
    expect(names.lookups).toBeGreaterThan(0);
    const { lookups } = names;
    await open.keyv.disconnect();
    open = watchedStore(memcached.server);
    await open.store.find('sess:a');
    expect(names.lookups).toBe(lookups);
    expect(open.told).toEqual([]);
  });

  it('with several addresses is used with one of them, which is logged once', async () => {
    const memcached = await start({ host: '127.0.0.2' });
    const other = await start({ host: '127.0.0.3', port: memcached.port });
    names.set('cache.test', '127.0.0.3', '127.0.0.2');
    const location = { servers: `cache.test:${memcached.port}`, connections: 4 };
    open = watchedStore(location);
    const keys = Array.from({ length: 40 }, (_, n) => `sess:${n}`);
    await Promise.all(keys.map((key) => open.store.create(key, 'text', TIMEOUT)));
    expect(await memcached.keys()).toHaveLength(40);
    expect(await other.keys()).toEqual([]);
    expect(open.told).toEqual([
      `memcached cache.test:${memcached.port}: The name has 2 addresses, of which one is used. If each of ` +
        `them is a server, give { dns: 'cache.test:${memcached.port}' }.`,
    ]);
  });

  it('with an address of each family is one server, and nothing is logged', async () => {
    const memcached = await start({ host: '::1' });
    names.set('cache.test', '::1', '127.0.0.1');
    open = watchedStore(`cache.test:${memcached.port}`);
    // Nothing listens at the IPv4 one.
    await shouldKeepSessions(open);
    expect(open.told).toEqual([]);
  });

  it('with a new address is used with that, and the effect is logged', async () => {
    const before = await start({ host: '127.0.0.2' });
    const { port } = before;
    names.set('cache.test', '127.0.0.2');
    open = watchedStore(`cache.test:${port}`);
    await shouldKeepSessions(open);
    const after = await start({ host: '127.0.0.3', port });
    names.set('cache.test', '127.0.0.3');
    await before.kill();
    await open.store.find('sess:a').catch(() => undefined);
    expect(await open.store.find('sess:a')).toBeUndefined();
    expect(await open.store.create('sess:b', 'text', TIMEOUT)).toBe('stored');
    expect(await after.keys()).toEqual(['sess:b']);
    const notices = open.told.filter((line) => line.startsWith('memcached'));
    expect(notices).toEqual([
      `memcached cache.test:${port}: It is now at 127.0.0.3:${port}, and was at 127.0.0.2:${port}. ` +
        'Sessions that were there are not found any more.',
    ]);
  });

  it('keeps its address as long as DNS returns it', async () => {
    const one = await start({ host: '127.0.0.3' });
    const { port } = one;
    names.set('cache.test', '127.0.0.3');
    open = watchedStore(`cache.test:${port}`);
    await shouldKeepSessions(open);
    await start({ host: '127.0.0.2', port });
    names.set('cache.test', '127.0.0.2', '127.0.0.3');
    await one.kill();
    await expect(open.store.find('sess:a')).rejects.toBeInstanceOf(SessionStoreError);
    await start({ host: '127.0.0.3', port });
    await open.store.create('sess:b', 'text', TIMEOUT);
    expect(open.told.filter((line) => line.includes('now at'))).toEqual([]);
  });

  it('that is unknown is an outage, logged with its reason', async () => {
    open = watchedStore('missing.test:11211');
    await expect(open.store.find('sess:a')).rejects.toBeInstanceOf(SessionStoreError);
    expect(open.told).toEqual([expect.stringMatching(/ENOTFOUND missing\.test/)]);
  });

  it('that is never answered fails in time', async () => {
    names.hang('slow.test');
    open = watchedStore({ servers: 'slow.test:11211', timeout: 200 });
    const began = performance.now();
    await expect(open.store.find('sess:a')).rejects.toMatchObject({
      cause: { message: 'no answer within 200 ms' },
    });
    expect(performance.now() - began).toBeLessThan(5_000); // without a time-out it has no end
  });
});

describe('connecting', () => {
  const dialer = (host: string, port: number) =>
    new ServerDialer({ host, port }, { onNotice: () => undefined });

  it('fails with the reason if no server listens', async () => {
    const port = await freePort();
    const dialing = dialer('127.0.0.1', port).dial(new AbortController().signal);
    await expect(dialing).rejects.toThrow('ECONNREFUSED');
  });

  it('ends when it is aborted, before or after it has begun', async () => {
    const { port } = await start({});
    await expect(dialer('127.0.0.1', port).dial(AbortSignal.abort())).rejects.toThrow('too long');
    const given = new AbortController();
    const dialing = dialer('127.0.0.1', port).dial(given.signal);
    await Promise.resolve();
    given.abort();
    await expect(dialing).rejects.toThrow('connecting took too long');
  });
});

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
