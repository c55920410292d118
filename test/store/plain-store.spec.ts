import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { SessionStore } from '../../src/session/storage/store.js';
import { SessionStoreError } from '../../src/session/errors.js';
import { openSessionStore, toKeyv } from '../../src/store/store.factory.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { cacheOver, sessionStoreOver, TIMEOUT } from '../support/stores.js';

const KEY = 'sess:a';

describe('sessions in a cache without compare-and-set', () => {
  let adapter: PlainAdapter;
  let clock: TestClock;
  let store: SessionStore;

  beforeEach(() => {
    adapter = new PlainAdapter();
    clock = new TestClock();
    store = sessionStoreOver(toKeyv(adapter), clock.now);
  });

  const stored = async (text = 'first'): Promise<string> => {
    await store.create(KEY, text, TIMEOUT);
    adapter.calls.length = 0;
    return text;
  };

  describe('renewed by use', () => {
    it('are not rewritten before a tenth of the idle timeout is over', async () => {
      await stored();
      clock.pass(TIMEOUT * 0.1);
      await store.find(KEY);
      expect(adapter.count('set')).toBe(0);
      clock.pass(1);
      await store.find(KEY);
      await store.find(KEY);
      expect(adapter.count('set')).toBe(1);
    });

    it('stay alive', async () => {
      await stored();
      for (let use = 0; use < 5; use++) {
        clock.pass(TIMEOUT * 0.85);
        expect((await store.find(KEY))?.text).toBe('first');
      }
      clock.pass(TIMEOUT * 1.1);
      expect(await store.find(KEY)).toBeUndefined();
    });

    it.each([0, 0.05, 0.1, 0.11, 0.6, 1])(
      'never end early, last read after %d of it',
      async (part) => {
        await stored();
        clock.pass(TIMEOUT * part);
        expect((await store.find(KEY))?.text).toBe('first');
        clock.pass(TIMEOUT - 1);
        expect((await store.find(KEY, 0))?.text).toBe('first');
      },
    );

    it('are renewed by their next use if a clock was ahead, and do not live longer for it', async () => {
      clock.pass(24 * 3600);
      await stored();
      clock.pass(-24 * 3600);
      await store.find(KEY);
      clock.pass(TIMEOUT * 1.1);
      expect(await store.find(KEY)).toBeUndefined();
    });

    it('keep what a parallel request writes meanwhile', async () => {
      const version = await stored();
      clock.pass(TIMEOUT / 2);
      const gate = adapter.hold('get');
      const reading = store.find(KEY);
      await gate.reached;
      const writing = store.update(KEY, 'second', version, TIMEOUT);
      gate.release();
      await Promise.all([reading, writing]);
      expect(await writing).toBe('stored');
      expect((await store.find(KEY))?.text).toBe('second');
    });

    it('keep what was written after they were read, too', async () => {
      const version = await stored();
      clock.pass(TIMEOUT / 2);
      const gate = adapter.hold('set');
      const writing = store.update(KEY, 'second', version, TIMEOUT);
      await gate.reached;
      const reading = store.find(KEY);
      await nextTurn();
      gate.release();
      await Promise.all([reading, writing]);
      expect((await store.find(KEY))?.text).toBe('second');
    });

    it('stay destroyed', async () => {
      const version = await stored();
      clock.pass(TIMEOUT / 2);
      const gate = adapter.hold('set');
      const removing = store.remove(KEY, version);
      await gate.reached;
      const reading = store.find(KEY);
      await nextTurn();
      gate.release();
      await Promise.all([reading, removing]);
      expect(await removing).toBe('removed');
      expect(await store.find(KEY)).toBeUndefined();
    });
  });

  describe('shared by processes whose clocks are an hour apart', () => {
    const HOUR = 3600;
    /** By the world's clock, and the clock of this machine, which Keyv looks at. */
    let ahead: SessionStore;
    let behind: SessionStore;

    const withClock = (hours: number): SessionStore => {
      const now = () => clock.now() + hours * HOUR * 1000;
      const theirs = sessionStoreOver(toKeyv(adapter), now);
      const at = <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) => {
        return async (...args: Args): Promise<Result> => {
          const machine = jest.spyOn(Date, 'now').mockImplementation(now);
          try {
            return await work.call(theirs, ...args);
          } finally {
            machine.mockRestore();
          }
        };
      };
      return {
        find: at(theirs.find.bind(theirs)),
        create: at(theirs.create.bind(theirs)),
        update: at(theirs.update.bind(theirs)),
        remove: at(theirs.remove.bind(theirs)),
      };
    };

    beforeEach(() => {
      [ahead, behind] = [withClock(1), withClock(0)];
    });

    it.each([
      ['ahead', () => [behind, ahead]],
      ['behind', () => [ahead, behind]],
    ])('are found by the one that is %s', async (_which, pair) => {
      const [writer, reader] = pair() as [SessionStore, SessionStore];
      await writer.create(KEY, 'first', TIMEOUT);
      clock.pass(TIMEOUT);
      expect((await reader.find(KEY, 0))?.text).toBe('first');
      expect((await writer.find(KEY, 0))?.text).toBe('first');
    });

    it('stay alive, whichever process uses them', async () => {
      await ahead.create(KEY, '0', TIMEOUT);
      for (let use = 1; use < 20; use++) {
        clock.pass(TIMEOUT * (use % 3 === 0 ? 0.9 : 0.05));
        const one = use % 2 ? behind : ahead;
        const { text, version } = (await one.find(KEY))!;
        expect(await one.update(KEY, String(Number(text) + 1), version, TIMEOUT)).toBe('stored');
      }
      expect((await behind.find(KEY))?.text).toBe('19');
    });

    it('end, for the other process at most an hour late', async () => {
      await behind.create(KEY, 'first', TIMEOUT);
      clock.pass(TIMEOUT * 1.1);
      expect(await behind.find(KEY)).toBeUndefined();
      clock.pass(HOUR);
      expect(await ahead.find(KEY)).toBeUndefined();
      await ahead.create(KEY, 'second', TIMEOUT);
      clock.pass(TIMEOUT * 1.1 + 2 * HOUR);
      expect(await behind.find(KEY)).toBeUndefined();
    });

    it('that were removed stay removed', async () => {
      await behind.create(KEY, 'first', TIMEOUT);
      const { version } = (await ahead.find(KEY))!;
      expect(await ahead.remove(KEY, version)).toBe('removed');
      expect(await behind.find(KEY)).toBeUndefined();
      expect(await behind.update(KEY, 'back', version, TIMEOUT)).toBe('gone');
    });

    it('have the given time to live, where the store keeps one', async () => {
      const set = jest.spyOn(adapter, 'set');
      await behind.create(KEY, 'first', TIMEOUT);
      expect(set.mock.calls[0]).toEqual([expect.any(String), expect.any(String), TIMEOUT * 1100]);
    });
  });

  describe('with a foreign value', () => {
    it.each([
      ['no JSON', 'not json{'],
      ['nothing', ''],
      ['null', 'null'],
      ['a number', '5'],
      ['a list', '[1,2]'],
      ['JSON that is nested deeply', '['.repeat(100_000) + ']'.repeat(100_000)],
      ['a value that is nested deeply', `{"value":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
      ['a deadline that never comes', '{"value":{"text":"x","until":1e999}}'],
      ['a text that is a number', '{"value":{"text":5,"until":9999999999999}}'],
      ['bytes', Buffer.from([0xff, 0x00])],
      ['an object', { value: { text: 5 } }],
    ])('are missing, without an error of the store: %s', async (_what, value) => {
      const open = openSessionStore(cacheOver(toKeyv(adapter)), {
        ...{ keyPrefix: 'sess:', timeout: TIMEOUT, now: clock.now },
      });
      await open.store.create('sess:other', 'other', TIMEOUT);
      await stored();
      const [key] = [...adapter.values.keys()].filter((one) => one.endsWith(KEY));
      adapter.values.set(key!, value);
      for (let use = 0; use < 10; use++) expect(await open.store.find(KEY)).toBeUndefined();
      expect(open.servers[0]!.state).toBe('up');
      expect((await open.store.find('sess:other'))?.text).toBe('other');
      expect(await open.store.create(KEY, 'again', TIMEOUT)).toBe('stored');
    });
  });

  describe('removed', () => {
    it('leave a tombstone of their key for a minute', async () => {
      const version = await stored('secret');
      await store.remove(KEY, version);
      const left = JSON.stringify([...adapter.values]);
      expect(left).toContain(KEY);
      expect(left).not.toContain('secret');
      expect(left).toContain(`"until":${clock.now() + 60_000}`.replaceAll('"', '\\"'));
    });

    it('are not written back by requests that read them, even in another process', async () => {
      const version = await stored();
      const another = sessionStoreOver(toKeyv(adapter), clock.now);
      await store.remove(KEY, version);
      expect(await another.update(KEY, 'back', version, TIMEOUT)).toBe('gone');
      expect(await another.find(KEY)).toBeUndefined();
    });
  });

  describe('written by parallel requests', () => {
    it('are written one after another', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      const first = store.update(KEY, 'first of all', version, TIMEOUT);
      await gate.reached;
      const second = store.update(KEY, 'second', version, TIMEOUT);
      await nextTurn();
      expect(adapter.calls).toEqual(['get', 'set']);
      gate.release();
      expect(await Promise.all([first, second])).toEqual(['stored', 'changed']);
    });

    it('are written after one of them failed', async () => {
      const version = await stored();
      adapter.failure = new Error('connection reset');
      await expect(store.update(KEY, 'a', version, TIMEOUT)).rejects.toThrow(SessionStoreError);
      adapter.failure = undefined;
      expect(await store.update(KEY, 'b', version, TIMEOUT)).toBe('stored');
    });
  });

  describe('written too slowly', () => {
    it('are not overwritten by a late write: later writers are refused until it arrives', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      await expect(store.update(KEY, 'slow', version, TIMEOUT)).rejects.toThrow(SessionStoreError);
      await expect(store.remove(KEY, 'slow')).rejects.toThrow(SessionStoreError);
      gate.release();
      await nextTurn();
      expect(await store.remove(KEY, 'slow')).toBe('removed');
      expect(await store.find(KEY)).toBeUndefined();
    });

    it('are not written later by a call that was refused', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      const first = store.update(KEY, 'first', version, TIMEOUT);
      const late = store.update(KEY, 'late', 'first', TIMEOUT);
      await expect(first).rejects.toThrow(SessionStoreError);
      await expect(late).rejects.toThrow(SessionStoreError);
      gate.release();
      await nextTurn();
      expect(await store.update(KEY, 'next', 'first', TIMEOUT)).toBe('stored');
      expect((await store.find(KEY))?.text).toBe('next');
    });
  });

  describe('during an outage', () => {
    const operations: [string, () => Promise<unknown>][] = [
      ['find', () => store.find(KEY)],
      ['create', () => store.create(KEY, 'text', TIMEOUT)],
      ['update', () => store.update(KEY, 'text', 'first', TIMEOUT)],
      ['remove', () => store.remove(KEY, 'first')],
    ];

    it.each(operations)('fail with the error of the cache: %s', async (_operation, operate) => {
      await stored();
      const failure = new Error('connection reset');
      adapter.failure = failure;
      const error: unknown = await operate().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as Error).cause).toBe(failure);
    });

    it.each(operations)('fail within the timeout without an answer: %s', async (_name, operate) => {
      await stored();
      adapter.hangs = true;
      const start = performance.now();
      await expect(operate()).rejects.toThrow(SessionStoreError);
      expect(performance.now() - start).toBeLessThan(5_000); // without a time-out it has no end
    });

    it('fail if only writing fails', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      const updating = store.update(KEY, 'second', version, TIMEOUT);
      await gate.reached;
      adapter.failure = new Error('disk full');
      gate.release();
      await expect(updating).rejects.toThrow(SessionStoreError);
    });
  });

  it.each([
    ['a text', 'text'],
    ['null', null],
    ['another application’s', { text: 5, until: 'tomorrow' }],
    ['a record without its end', { text: 'a' }],
  ])('are missing where another value is: %s', async (_what, value) => {
    await toKeyv(adapter).set(KEY, value);
    const other = new PlainAdapter();
    for (const [key, raw] of adapter.values) other.values.set(key, raw);
    store = sessionStoreOver(toKeyv(other), clock.now);
    expect(await store.find(KEY)).toBeUndefined();
  });
});

describe('a write to a cache without compare-and-set', () => {
  it('has the full time for its read and again for its write', async () => {
    const adapter = new PlainAdapter();
    const store = sessionStoreOver(toKeyv(adapter));
    await store.create(KEY, 'first', TIMEOUT);
    const [reading, writing] = [adapter.hold('get'), adapter.hold('set')];
    const updating = store.update(KEY, 'second', 'first', TIMEOUT);
    for (const gate of [reading, writing]) {
      await gate.reached;
      // Two of these are more than one operation may take.
      await delay(300);
      gate.release();
    }
    expect(await updating).toBe('stored');
  });
});
