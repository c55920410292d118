import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionStore } from '../../../src/session/storage/store.js';
import { SessionStoreError } from '../../../src/session/errors.js';
import { memoryStore } from '../../../src/store/memory/store.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { cacheOver, sessionStoreOver, TIMEOUT } from '../../support/stores.js';

describe('sessions in memory', () => {
  const environment = process.env.NODE_ENV;
  let clock: TestClock;
  let lines: string[];

  beforeEach(() => {
    clock = new TestClock();
    lines = [];
  });

  afterEach(() => {
    process.env.NODE_ENV = environment;
  });

  const logger = {
    log: (message: unknown) => void lines.push(`log ${String(message)}`),
    warn: (message: unknown) => void lines.push(`warn ${String(message)}`),
  };
  const open = (maxSessions?: number): SessionStore => {
    const limit = maxSessions === undefined ? {} : { maxSessions };
    return sessionStoreOver(memoryStore({ now: clock.now, logger, ...limit }), clock.now);
  };
  const create = (store: SessionStore, ...keys: string[]): Promise<string[]> =>
    Promise.all(keys.map((key) => store.create(`sess:${key}`, 'text', TIMEOUT)));

  it('keep their life when they are only read', async () => {
    const store = open();
    await create(store, 'a');
    clock.pass(TIMEOUT - 1);
    expect(await store.find('sess:a', 0)).toMatchObject({ text: 'text' });
    expect(await store.find('sess:a')).toMatchObject({ text: 'text' });
  });

  describe('at start', () => {
    it.each([
      ['development', 'log'],
      ['test', 'log'],
      ['production', 'warn'],
    ])('in %s log a %s with the remedy', (mode, level) => {
      process.env.NODE_ENV = mode;
      open();
      expect(lines).toEqual([
        expect.stringMatching(`^${level} .*memory of this process.*memcached`),
      ]);
    });
  });

  describe('when they are full', () => {
    it('evict the least recently used first', async () => {
      const store = open(3);
      await create(store, 'a', 'b', 'c');
      await store.find('sess:a');
      await create(store, 'd');
      expect(await store.find('sess:b')).toBeUndefined();
      for (const key of ['a', 'c', 'd']) expect(await store.find(`sess:${key}`)).toBeDefined();
    });

    const flood = async (store: SessionStore, count: number, text: string): Promise<void> => {
      for (let n = 0; n < count; n++) await store.create(`sess:flood${n}`, text, TIMEOUT);
    };

    it.each([
      ['50,500 small ones', 50_500, 'text'],
      ['120 of 0.9 MB', 120, 'x'.repeat(900_000)],
    ])('evict anonymous ones first: %s', async (_what, count, text) => {
      const store = open();
      await create(store, 'before');
      await store.create('sess:ada', 'text', TIMEOUT, { isSignedIn: true });
      await flood(store, count / 2, text);
      await store.create('sess:signs in', 'text', TIMEOUT, { isSignedIn: false });
      const { version } = (await store.find('sess:signs in'))!;
      await store.update('sess:signs in', 'signed in', version, TIMEOUT, { isSignedIn: true });
      await flood(store, count, text);
      expect(await store.find('sess:before')).toBeUndefined();
      expect(await store.find('sess:ada')).toMatchObject({ text: 'text' });
      expect(await store.find('sess:signs in')).toMatchObject({ text: 'signed in' });
      expect(await store.find(`sess:flood${count - 1}`)).toBeDefined();
    });

    it('evict signed-in ones if there are no others, the least recently used first', async () => {
      const store = open(3);
      for (const key of ['a', 'b', 'c'])
        await store.create(`sess:${key}`, 'text', TIMEOUT, { isSignedIn: true });
      await store.find('sess:a');
      await store.create('sess:d', 'text', TIMEOUT);
      await store.create('sess:e', 'text', TIMEOUT);
      expect(await store.find('sess:b')).toBeUndefined();
      expect(await store.find('sess:d')).toBeUndefined();
      for (const key of ['a', 'c', 'e']) expect(await store.find(`sess:${key}`)).toBeDefined();
    });

    it('log how many were evicted so far, once a minute', async () => {
      const store = open(1);
      lines.length = 0;
      await create(store, 'a', 'b');
      expect(lines).toEqual([expect.stringMatching(/^warn .*full: 1 /)]);
      await create(store, 'c', 'd');
      clock.pass(59);
      await create(store, 'e');
      expect(lines).toHaveLength(1);
      clock.pass(1);
      await create(store, 'f');
      expect(lines).toEqual([expect.anything(), expect.stringContaining('full: 5 ')]);
    });

    it('count their characters, too', async () => {
      const store = open();
      const text = 'x'.repeat(20 * 1024 * 1024);
      for (const key of ['a', 'b', 'c', 'd']) await store.create(`sess:${key}`, text, TIMEOUT);
      expect(await store.find('sess:a')).toBeUndefined();
      expect(await store.find('sess:d')).toBeDefined();
      expect(lines.at(-1)).toContain('full');
    });
  });

  it.each<[string, (store: SessionStore) => Promise<unknown>]>([
    ['removed', async (store) => store.remove('sess:a', (await store.find('sess:a'))!.version)],
    ['run out', async (store) => (clock.pass(TIMEOUT + 1), store.find('sess:a'))],
    [
      'updated',
      async (store) => {
        const { version } = (await store.find('sess:a'))!;
        return store.update('sess:a', 'new', version, TIMEOUT);
      },
    ],
  ])('that are %s do not count as evicted', async (_how, use) => {
    const store = open(2);
    lines.length = 0;
    await create(store, 'a', 'b');
    await use(store);
    expect(lines).toEqual([]);
  });

  it('that were cleared need no memory any more', async () => {
    const keyv = memoryStore({ now: clock.now, logger });
    const store = sessionStoreOver(keyv, clock.now);
    const text = 'x'.repeat(20 * 1024 * 1024);
    for (const key of ['a', 'b']) await store.create(`sess:${key}`, text, TIMEOUT);
    await keyv.clear();
    lines.length = 0;
    for (const key of ['c', 'd', 'e']) await store.create(`sess:${key}`, text, TIMEOUT);
    for (const key of ['c', 'd', 'e']) expect(await store.find(`sess:${key}`)).toBeDefined();
    expect(lines).toEqual([]);
  });

  it('larger than the whole limit are refused, not evicted', async () => {
    const text = 'x'.repeat(64 * 1024 * 1024);
    await expect(open().create('sess:a', text, TIMEOUT)).rejects.toThrow(SessionStoreError);
  });

  it('live while they are used', async () => {
    const store = open();
    await create(store, 'a');
    for (let use = 0; use < 5; use++) {
      clock.pass(TIMEOUT - 1);
      expect(await store.find('sess:a')).toBeDefined();
    }
    clock.pass(TIMEOUT);
    expect(await store.find('sess:a')).toBeUndefined();
  });

  it('refuse other values', async () => {
    const cache = cacheOver(memoryStore({ now: clock.now, logger }));
    await expect(cache.set('key', 'value')).rejects.toThrow('sessions only');
  });
});
