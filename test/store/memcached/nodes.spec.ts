import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../../src/session/session-id.js';
import { storeKeyOf } from '../../support/store-key.js';
import { SessionStoreError } from '../../../src/session/errors.js';
import { memcachedStore } from '../../../src/store/memcached/store.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { sessionStoreOver, TIMEOUT } from '../../support/stores.js';

const KEYS = Array.from({ length: 1200 }, () => storeKeyOf(newSessionId()));

describe('several memcached servers', () => {
  let servers: Memcached[];

  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: 4 }, () => startMemcached()));
  });

  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  beforeEach(() => Promise.all(servers.map((server) => server.flush())));

  /** Stores under all keys, by a client of these servers, and returns the keys that can be read. */
  async function withStore<T>(
    some: readonly Memcached[],
    work: (store: ReturnType<typeof sessionStoreOver>) => Promise<T>,
  ): Promise<T> {
    const keyv = memcachedStore(some.map(({ server }) => server));
    try {
      return await work(sessionStoreOver(keyv));
    } finally {
      await keyv.disconnect();
    }
  }

  const fill = (some: readonly Memcached[]): Promise<unknown> =>
    withStore(some, (store) => Promise.all(KEYS.map((key) => store.create(key, key, TIMEOUT))));
  const readable = (some: readonly Memcached[]): Promise<string[]> =>
    withStore(some, async (store) => {
      const found = await Promise.all(KEYS.map((key) => store.find(key)));
      return found.flatMap((record) => record?.text ?? []);
    });
  const itemsOf = async (server: Memcached): Promise<number> =>
    Number((await server.stats()).curr_items);

  it('share the keys evenly', async () => {
    const three = servers.slice(0, 3);
    await fill(three);
    const counts = await Promise.all(three.map(itemsOf));
    expect(counts.reduce((sum, count) => sum + count)).toBe(KEYS.length);
    for (const count of counts) {
      expect(count).toBeGreaterThan(300);
      expect(count).toBeLessThan(500);
    }
  });

  it('are chosen alike by every client, in any order of the list', async () => {
    await fill(servers.slice(0, 3));
    expect(await readable(servers.slice(0, 3).reverse())).toHaveLength(KEYS.length);
  });

  it('with one more move only its share of the keys', async () => {
    await fill(servers.slice(0, 3));
    const { length } = await readable(servers);
    expect(length).toBeGreaterThan(KEYS.length * 0.68);
    expect(length).toBeLessThan(KEYS.length * 0.82);
  });

  it('with one less lose only its keys', async () => {
    await fill(servers);
    const lost = await itemsOf(servers[3]!);
    expect(await readable(servers.slice(0, 3))).toHaveLength(KEYS.length - lost);
  });

  it('of which one is down fail only for its sessions, which are not reported as missing', async () => {
    const extra = await startMemcached();
    const both = [servers[0]!, extra];
    await fill(both);
    const lost = await itemsOf(extra);
    await extra.kill();
    await withStore(both, async (store) => {
      const results = await Promise.allSettled(KEYS.map((key) => store.find(key)));
      const failed = results.filter(({ status }) => status === 'rejected');
      expect(failed).toHaveLength(lost);
      for (const one of failed) {
        expect(one).toMatchObject({ reason: expect.any(SessionStoreError) });
      }
      const found = results.filter((one) => one.status === 'fulfilled' && one.value);
      expect(found).toHaveLength(KEYS.length - lost);
    });
  });
});
