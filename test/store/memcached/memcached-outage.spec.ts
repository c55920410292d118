import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Keyv } from 'keyv';

import type { SessionStore } from '../../../src/session/storage/store.js';
import { SessionStoreError } from '../../../src/session/errors.js';
import { memcachedStore } from '../../../src/store/memcached/store.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { recordingProxy } from '../../support/recording-proxy.js';
import { sessionStoreOver, TIMEOUT } from '../../support/stores.js';

const TIME_OUT = 200;
/** Milliseconds: a second, and what a busy machine adds. */
const RECOVERY = 1_000 + 2_000;

describe('sessions in memcached during an outage', () => {
  let memcached: Memcached;
  let keyv: Keyv;
  let store: SessionStore;
  let version: string;

  beforeEach(async () => {
    memcached = await startMemcached();
    keyv = memcachedStore({ servers: memcached.server, timeout: TIME_OUT });
    store = sessionStoreOver(keyv);
    await store.create('sess:a', 'first', TIMEOUT);
    version = (await store.find('sess:a'))!.version;
  });

  afterEach(async () => {
    await keyv.disconnect();
    await memcached.stop();
  });

  const operations: [string, () => Promise<unknown>][] = [
    ['find', () => store.find('sess:a')],
    ['create', () => store.create('sess:b', 'text', TIMEOUT)],
    ['update', () => store.update('sess:a', 'second', version, TIMEOUT)],
    ['remove', () => store.remove('sess:a', version)],
  ];

  async function failsInTime(operate: () => Promise<unknown>): Promise<void> {
    const start = performance.now();
    const error: unknown = await operate().catch((e: unknown) => e);
    expect(performance.now() - start).toBeLessThan(TIME_OUT + 1_500);
    expect(error).toBeInstanceOf(SessionStoreError);
    expect(error).toMatchObject({ statusCode: 503, cause: { message: expect.any(String) } });
  }

  /** Milliseconds until the store answers again. */
  async function backIn(): Promise<number> {
    const start = performance.now();
    for (;;) {
      const answer = await store.find('sess:a').catch((error: unknown) => error);
      if (!(answer instanceof SessionStoreError)) return performance.now() - start;
      if (performance.now() - start > 5_000) throw answer;
      await delay(10);
    }
  }

  describe.each(operations)('%s', (_name, operate) => {
    it('fails in time if memcached hangs', async () => {
      memcached.pause();
      await failsInTime(operate);
    });

    it('fails in time if memcached is gone', async () => {
      await memcached.kill();
      await failsInTime(operate);
      await failsInTime(operate);
    });

    it('fails in time if memcached stops meanwhile', async () => {
      memcached.pause();
      const failing = failsInTime(operate);
      await memcached.kill();
      await failing;
    });
  });

  it('all fail in time if 100 wait for memcached', async () => {
    memcached.pause();
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => failsInTime(() => store.find(`sess:${n}`))),
    );
  });

  it('are available within a second after it: memcached hung', async () => {
    memcached.pause();
    await failsInTime(() => store.find('sess:a'));
    memcached.resume();
    expect(await backIn()).toBeLessThan(RECOVERY);
    expect((await store.find('sess:a'))?.text).toBe('first');
  });

  it('are available within a second after it: memcached was restarted', async () => {
    await memcached.kill();
    await failsInTime(() => store.find('sess:a'));
    memcached = await startMemcached({ port: memcached.port });
    expect(await backIn()).toBeLessThan(RECOVERY);
    expect(await store.find('sess:a')).toBeUndefined();
    expect(await store.create('sess:a', 'new', TIMEOUT)).toBe('stored');
  });

  it('at start are available as soon as memcached is', async () => {
    const { port } = memcached;
    await memcached.kill();
    await keyv.disconnect();
    keyv = memcachedStore({ servers: memcached.server, timeout: TIME_OUT });
    store = sessionStoreOver(keyv);
    await failsInTime(() => store.find('sess:a'));
    memcached = await startMemcached({ port });
    expect(await backIn()).toBeLessThan(RECOVERY);
  });

  it('never get a late answer of another operation after it', async () => {
    await store.create('sess:b', 'other', TIMEOUT);
    memcached.pause();
    const late = [
      store.find('sess:a'),
      store.update('sess:a', 'late', version, TIMEOUT),
      store.create('sess:c', 'late', TIMEOUT),
    ];
    await Promise.allSettled(late);
    memcached.resume();
    await backIn();

    const results = await Promise.all([
      store.find('sess:b'),
      store.create('sess:b', 'mine', TIMEOUT),
      store.find('sess:missing'),
      store.update('sess:b', 'mine', '1', TIMEOUT),
    ]);
    expect(results).toEqual([
      expect.objectContaining({ text: 'other' }),
      'taken',
      undefined,
      'changed',
    ]);
  });

  it('of their connection alone are available at once', async () => {
    const proxy = await recordingProxy(memcached.port);
    const other = memcachedStore({ servers: proxy.server, timeout: TIME_OUT });
    store = sessionStoreOver(other);
    expect((await store.find('sess:a'))?.text).toBe('first');
    proxy.cut();
    expect(await backIn()).toBeLessThan(RECOVERY);
    expect((await store.find('sess:a'))?.text).toBe('first');
    await other.disconnect();
    await proxy.close();
  });

  it('by a lack of memory fail when they are written, and stay unchanged', async () => {
    const proxy = await recordingProxy(memcached.port);
    const other = memcachedStore({ servers: proxy.server, timeout: TIME_OUT });
    const failing = sessionStoreOver(other);
    await failing.find('sess:a');
    proxy.failWrites(true);
    const write = failing.update('sess:a', 'second', version, TIMEOUT);
    await expect(write).rejects.toThrow(SessionStoreError);
    expect((await store.find('sess:a'))?.text).toBe('first');
    await other.disconnect();
    await proxy.close();
  });
});
