import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Cache } from 'cache-manager';
import type { Keyv } from 'keyv';

import { memcachedStore } from '../../../src/store/memcached/store.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../../support/recording-proxy.js';
import { cacheOver, secondsLeft, sessionStoreOver, TIMEOUT } from '../../support/stores.js';

describe('memcachedStore, as any cache', () => {
  let memcached: Memcached;
  let proxy: RecordingProxy;
  let keyv: Keyv;
  let cache: Cache;

  beforeAll(async () => {
    memcached = await startMemcached();
  });

  afterAll(() => memcached.stop());

  beforeEach(async () => {
    await memcached.flush();
    proxy = await recordingProxy(memcached.port);
    keyv = memcachedStore(proxy.server);
    cache = cacheOver(keyv);
  });

  afterEach(async () => {
    await keyv.disconnect();
    await proxy.close();
  });

  it.each([
    ['a string', 'text'],
    ['an empty string', ''],
    ['line ends', 'a\r\nEND\r\n'],
    ['unicode', 'ä€😀\u2028'],
    ['a number', -1.5],
    ['0', 0],
    ['true', true],
    ['false', false],
    ['null', null],
    ['a list', [1, [2], {}]],
    ['an object', { a: { b: null } }],
    ['an object that looks like an envelope', { value: 1, ttl: 5 }],
    ['an object that looks like an expired one', { value: 1, expires: 1 }],
    ['half a megabyte', 'ä'.repeat(250_000)],
  ])('keeps %s', async (_what, value) => {
    await cache.set('key', value);
    expect(await cache.get('key')).toEqual(value);
  });

  it('returns undefined for a missing key', async () => {
    expect(await cache.get('missing')).toBeUndefined();
  });

  it('deletes, also a missing key', async () => {
    await cache.set('key', 1);
    expect(await cache.del('key')).toBe(true);
    expect(await cache.get('key')).toBeUndefined();
    expect(await cache.del('key')).toBe(true);
  });

  it('overwrites', async () => {
    await cache.set('key', 1);
    await cache.set('key', 2);
    expect(await cache.get('key')).toBe(2);
  });

  it('wraps', async () => {
    let computed = 0;
    const compute = (): Promise<number> => Promise.resolve(++computed);
    expect(await cache.wrap('key', compute, 60_000)).toBe(1);
    expect(await cache.wrap('key', compute, 60_000)).toBe(1);
  });

  it('refuses clear(), as others use memcached, too', async () => {
    await cache.set('key', 1);
    await expect(cache.clear()).rejects.toThrow('flush_all');
    expect(await cache.get('key')).toBe(1);
  });

  describe('with a time to live', () => {
    it.each([
      [60_000, 60],
      [1, 1],
      [1001, 2],
      [2_592_000_000, 2_592_000],
      [31_536_000_000, 31_536_000],
    ])('of %d ms keeps an item for %d s', async (ttl, seconds) => {
      await cache.set('key', 1, ttl);
      const left = await secondsLeft(memcached, 'key');
      expect(left).toBeGreaterThanOrEqual(seconds - 30);
      expect(left).toBeLessThanOrEqual(seconds + 2);
    });

    it('that is absent keeps it forever', async () => {
      await cache.set('key', 1);
      expect(await secondsLeft(memcached, 'key')).toBe(-1);
    });
  });

  describe('with a key that memcached does not accept', () => {
    const keys: [string, string][] = [
      ['CR LF and a command', 'a\r\nset hacked 0 0 1\r\nx\r\n'],
      ['LF', 'a\nb'],
      ['a blank', 'a b'],
      ['a tab', 'a\tb'],
      ['NUL', 'a\0b'],
      ['DEL', 'a\x7fb'],
      ['more than 250 characters', 'x'.repeat(251)],
      ['a letter beyond ASCII', 'größe'],
      ['nothing', ''],
    ];

    it.each(keys)('hashes it: %s', async (_what, key) => {
      await keyv.set(key, 'mine');
      expect(await keyv.get(key)).toBe('mine');
      await keyv.delete(key);
      expect(await keyv.get(key)).toBeUndefined();

      const sent = proxy.commands.map((command) => command.key);
      expect(new Set(sent).size).toBe(1);
      expect(sent[0]).toMatch(/^sha256:[A-Za-z0-9_-]{43}$/);
      expect(proxy.commands.map(({ name }) => name)).toEqual(['set', 'get', 'delete', 'get']);
      expect(await memcached.command('get hacked')).toBe('END\r\n');
    });

    it.each(keys)('also hashes it for sessions: %s', async (_what, key) => {
      const store = sessionStoreOver(keyv);
      await store.create(`sess:${key}`, 'text', 60);
      expect(await store.find(`sess:${key}`).then((found) => found?.text)).toBe('text');
      for (const command of proxy.commands) expect(command.line).toMatch(/^[\x20-\x7e]+$/);
      expect(await memcached.command('get hacked')).toBe('END\r\n');
    });

    it('keeps different keys apart', async () => {
      for (const [, key] of keys) await keyv.set(key, key);
      for (const [, key] of keys) expect(await keyv.get(key)).toBe(key);
    });
  });

  it('sends 250 visible characters unchanged', async () => {
    await cache.set('x'.repeat(250), 1);
    expect(proxy.commands).toMatchObject([{ key: 'x'.repeat(250) }]);
  });

  describe('beside sessions in the same cache', () => {
    it('keeps both apart', async () => {
      const store = sessionStoreOver(keyv);
      const same = cacheOver(keyv);
      await store.create('sess:a', 'text', 60);
      await same.set('a', { text: 'b' });
      expect(await same.get('a')).toEqual({ text: 'b' });
      expect((await store.find('sess:a'))?.text).toBe('text');
    });
  });

  it('rejects values that memcached refuses', async () => {
    await expect(cache.set('key', 'x'.repeat(2_000_000))).rejects.toThrow(
      'takes no items of this size',
    );
    proxy.failWrites(true);
    await expect(cache.set('key', 1)).rejects.toThrow('out of memory');
  });
});

describe('memcachedStore, once disconnected', () => {
  it('lets operations in progress end first', async () => {
    const memcached = await startMemcached();
    const proxy = await recordingProxy(memcached.port);
    const keyv = memcachedStore(proxy.server);
    await keyv.set('key', 1);
    proxy.delayReplies(100);
    const [read, written] = [keyv.get('key'), keyv.set('other', 2)];
    await keyv.disconnect();
    expect(await read).toBe(1);
    await written;
    expect(await memcached.command('get other')).toContain('VALUE other');
    await expectNoConnections(memcached);
    await proxy.close();
    await memcached.stop();
  });

  it('serves later operations, and keeps no connection after them', async () => {
    const memcached = await startMemcached();
    const keyv = memcachedStore(memcached.server);
    const store = sessionStoreOver(keyv);
    await keyv.disconnect();
    expect(await store.create('sess:a', 'first', TIMEOUT)).toBe('stored');
    const { version } = (await store.find('sess:a'))!;
    expect(await store.update('sess:a', 'second', version, TIMEOUT)).toBe('stored');
    const newest = (await store.find('sess:a'))!;
    expect(await store.remove('sess:a', newest.version)).toBe('removed');
    expect(await store.find('sess:a')).toBeUndefined();
    await store.create('sess:b', 'text', TIMEOUT);
    await store.remove('sess:b', (await store.find('sess:b'))!.version);
    await expectNoConnections(memcached);
    await memcached.stop();
  });

  it('keeps no connection, also if it is disconnected twice', async () => {
    const memcached = await startMemcached();
    const keyv = memcachedStore({ servers: memcached.server, connections: 3 });
    await Promise.all(Array.from({ length: 50 }, (_, n) => keyv.set(`key${n}`, n)));
    await keyv.disconnect();
    await keyv.disconnect();
    await expectNoConnections(memcached);
    await memcached.stop();
  });

  it('before its first use has nothing to do', async () => {
    await memcachedStore('127.0.0.1:1').disconnect();
  });
});

/** But the one that asks, and memcached's own listening one where it counts that. */
async function expectNoConnections(memcached: Memcached): Promise<void> {
  const fresh = await startMemcached();
  const idle = await fewestConnections(fresh);
  await fresh.stop();
  expect(await fewestConnections(memcached)).toBe(idle);
}

/** It learns a moment later of connections that were closed. */
async function fewestConnections(memcached: Memcached): Promise<number> {
  let fewest = Infinity;
  for (let tries = 0; tries < 20; tries++) {
    fewest = Math.min(fewest, Number((await memcached.stats())['curr_connections']));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return fewest;
}
