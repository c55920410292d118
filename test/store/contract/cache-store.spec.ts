import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCache, type Cache } from 'cache-manager';
import type { Keyv } from 'keyv';

import {
  SessionOptionsError,
  SessionStoreError,
  SessionTooLargeError,
} from '../../../src/session/errors.js';
import { cacheStore } from '../../../src/store/contract/cache-store.js';
import { openSessionStore, type OpenSessionStore } from '../../../src/store/store.factory.js';
import { MapSessionStore } from '../../support/map-store.js';
import { KEY_PREFIX, TIMEOUT } from '../../support/stores.js';

const KEY = 'sess:a';
const settings = { keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now };

/** Tests can add the optional methods. */
class TestStore extends MapSessionStore {
  readonly name = 'a test';
  readonly timeout = 50;
  reconnects = 0;
  pings = 0;
  closed = 0;
  isAnswered = true;
  found = { version: '1.2.3', problem: undefined as string | undefined };

  async ping(): Promise<void> {
    this.pings++;
    await Promise.resolve();
    if (!this.isAnswered) throw new Error('no server');
  }

  reconnect(): void {
    this.reconnects++;
    this.hangs = false;
  }

  diagnose(needs: object) {
    return this.answer(`diagnose ${JSON.stringify(needs)}`, () => this.found);
  }

  watchRemovals(onRemoved: (key: string) => void): () => void {
    onRemoved(KEY);
    return () => undefined;
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

describe('a SessionStore in a cache', () => {
  let own: TestStore;
  let keyv: Keyv;
  let cache: Cache;
  let open: OpenSessionStore;

  beforeEach(() => {
    own = new TestStore();
    keyv = cacheStore(own);
    cache = createCache({ stores: [keyv] });
    open = openSessionStore(cache, settings);
  });

  afterEach(() => open.close());

  const server = () => open.servers[0]!;

  it('is called with the arguments of sessions, and the idle timeout', async () => {
    const { store } = open;
    await store.create(KEY, 'text', 60, { isSignedIn: true });
    const { version } = (await store.find(KEY))!;
    await store.find(KEY, 0);
    await store.update(KEY, 'more', version, 70.5, { isFinal: true });
    await store.remove(KEY, version);
    expect(own.calls).toEqual([
      `create ${KEY} 60 {"isSignedIn":true}`,
      `find ${KEY} ${TIMEOUT}`,
      `find ${KEY} 0`,
      `update ${KEY} 71 {"isFinal":true}`,
      `remove ${KEY}`,
    ]);
  });

  it('is one Keyv, so that all users share its health', () => {
    expect(cacheStore(own)).toBe(keyv);
  });

  it('has its own name, or that of its class', () => {
    expect([open.place, server().report]).toEqual(['a test', { server: 'a test', state: 'up' }]);
    const unnamed = createCache({ stores: [cacheStore(new MapSessionStore())] });
    expect(openSessionStore(unnamed, settings).place).toBe('MapSessionStore');
  });

  describe('that fails', () => {
    it('is read a second time, but not written a second time', async () => {
      own.failure = new Error('refused');
      await expect(open.store.find(KEY)).rejects.toThrow(SessionStoreError);
      await expect(open.store.find(KEY)).rejects.toMatchObject({ cause: own.failure });
      await expect(open.store.create(KEY, 'text', 60)).rejects.toMatchObject({
        cause: own.failure,
      });
      expect([own.count('find'), own.count('create')]).toEqual([4, 1]);
    });

    it('is not down while its server answers, because an error may concern one key', async () => {
      own.failure = new Error('one key');
      for (let n = 0; n < 20; n++) {
        await expect(open.store.find(KEY)).rejects.toThrow(SessionStoreError);
      }
      expect(server().state).toBe('failing');
      expect(own.pings).toBeGreaterThan(4);
      expect(own.count('find')).toBe(40);
    });

    it('is down if its server does not answer, and up when it answers again', async () => {
      const events: string[] = [];
      open.watch({
        outageBegan: (name, error) => events.push(`${name}: ${(error as Error).message}`),
        outageEnded: (name) => events.push(`${name} is back`),
        noticed: () => undefined,
      });
      own.failure = new Error('refused');
      own.isAnswered = false;
      while (!server().isDown) await open.store.find(KEY).catch(() => undefined);
      const asked = own.count('find');
      await expect(open.store.find(KEY)).rejects.toThrow(SessionStoreError);
      expect(own.count('find')).toBe(asked);
      expect(await server().check()).toMatchObject({ state: 'down' });

      own.failure = undefined;
      own.isAnswered = true;
      while (server().isDown) await delay(10);
      expect(await open.store.create(KEY, 'text', 60)).toBe('stored');
      expect(events).toEqual(['a test: refused', 'a test is back']);
    });

    it('reconnects after a timeout, once for all waiting calls', async () => {
      own.hangs = true;
      const asked = await Promise.allSettled([1, 2, 3].map((n) => open.store.find(`sess:${n}`)));
      expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(own.reconnects).toBe(1);
      expect(await open.store.find(KEY)).toBeUndefined();
    });

    it('may refuse a record as too large, which is not an outage', async () => {
      own.failure = new SessionTooLargeError(7, 'the server takes 6');
      await expect(open.store.create(KEY, 'text', 60)).rejects.toBe(own.failure);
      expect(server().state).toBe('up');
    });
  });

  describe('in a diagnosis', () => {
    it('reports its version, and its problem until that is solved', async () => {
      own.found = { version: '1.2.3', problem: 'It evicts.' };
      expect(await open.diagnose(1000)).toEqual([
        { server: 'a test', version: '1.2.3', problem: 'It evicts.' },
      ]);
      expect(own.calls).toEqual([`diagnose {"maxBytes":1000,"timeout":${TIMEOUT}}`]);
      expect(server().report.problem).toBe('It evicts.');
    });

    it('may be down', async () => {
      own.failure = new Error('refused');
      expect(await open.diagnose(1000)).toEqual([{ server: 'a test' }]);
      expect(server().state).toBe('failing');
    });
  });

  it('reports removals by other processes', () => {
    const removed: string[] = [];
    open.watchRemovals((key) => removed.push(key));
    expect(removed).toEqual([KEY]);
  });

  describe('that is closed', () => {
    it('is closed after the last application that uses it', async () => {
      const letGo = open.hold();
      const another = openSessionStore(createCache({ stores: [keyv] }), settings);
      const letGoToo = another.hold();
      await cache.disconnect();
      await letGo();
      expect(own.closed).toBe(0);
      await letGoToo();
      expect(own.closed).toBe(1);
    });

    it('is opened again for the next application', async () => {
      open.close();
      await cache.disconnect();
      const next = openSessionStore(cache, { ...settings, timeout: 60 });
      await next.store.find(KEY);
      expect(own.calls).toEqual([`find ${KEY} 60`]);
      own.hangs = true;
      await expect(next.store.find(KEY)).rejects.toThrow(SessionStoreError);
      expect(next.servers[0]!.state).toBe('failing');
      next.close();
    });
  });

  describe("with the application's own values", () => {
    it('keeps them like any cache', async () => {
      await cache.set('cart', { items: [1] }, 5000);
      await cache.set('cart', { items: [1, 2] });
      expect(await cache.get('cart')).toEqual({ items: [1, 2] });
      await cache.set('a key with blanks, ä and more', 'x');
      expect(await cache.get('a key with blanks, ä and more')).toBe('x');
      await cache.del('cart');
      await cache.del('cart');
      expect(await cache.get('cart')).toBeUndefined();
    });

    it('refuses writes to keys of sessions', async () => {
      const wrong = { code: 'SESSION_FOREIGN_KEY' };
      await expect(cache.set(KEY, 'x')).rejects.toMatchObject(wrong);
      await expect(keyv.delete(KEY)).rejects.toMatchObject(wrong);
      await expect(cache.clear()).rejects.toThrow('not cleared');
    });
  });

  it('is refused for one prefix with two timeouts', () => {
    const again = () => openSessionStore(cache, { ...settings, timeout: 60 });
    expect(again).toThrow(SessionOptionsError);
  });
});
