import { beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionStore } from '../../src/session/session-store.js';
import { SessionStoreError } from '../../src/session/session.errors.js';
import { toKeyv } from '../../src/store/session-store.factory.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { sessionStoreOver, TIMEOUT } from '../support/stores.js';

const KEY = 'sess:a';

describe('sessions in a cache that cannot compare and set', () => {
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

    it('live on', async () => {
      await stored();
      for (let use = 0; use < 5; use++) {
        clock.pass(TIMEOUT * 0.85);
        expect((await store.find(KEY))?.text).toBe('first');
      }
      clock.pass(TIMEOUT);
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
      await new Promise((resolve) => setImmediate(resolve));
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
      await new Promise((resolve) => setImmediate(resolve));
      gate.release();
      await Promise.all([reading, removing]);
      expect(await removing).toBe('removed');
      expect(await store.find(KEY)).toBeUndefined();
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

    it('are not written back by those who had read them, even by another process', async () => {
      const version = await stored();
      const another = sessionStoreOver(toKeyv(adapter), clock.now);
      await store.remove(KEY, version);
      expect(await another.update(KEY, 'back', version, TIMEOUT)).toBe('gone');
      expect(await another.find(KEY)).toBeUndefined();
    });
  });

  describe('written by several at once', () => {
    it('take turns', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      const first = store.update(KEY, 'first of all', version, TIMEOUT);
      await gate.reached;
      const second = store.update(KEY, 'second', version, TIMEOUT);
      await new Promise((resolve) => setImmediate(resolve));
      expect(adapter.calls).toEqual(['get', 'set']);
      gate.release();
      expect(await Promise.all([first, second])).toEqual(['stored', 'changed']);
    });

    it('go on after one of them failed', async () => {
      const version = await stored();
      adapter.failure = new Error('connection reset');
      await expect(store.update(KEY, 'a', version, TIMEOUT)).rejects.toThrow(SessionStoreError);
      adapter.failure = undefined;
      expect(await store.update(KEY, 'b', version, TIMEOUT)).toBe('stored');
    });
  });

  describe('written by one who is too slow', () => {
    it('are not set back by what arrives late: later writers wait for it', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      await expect(store.update(KEY, 'slow', version, TIMEOUT)).rejects.toThrow(SessionStoreError);
      const removing = store.remove(KEY, 'slow');
      gate.release();
      expect(await removing).toBe('removed');
      expect(await store.find(KEY)).toBeUndefined();
    });

    it('do not take what had not begun to be written when its caller was told so', async () => {
      const version = await stored();
      const gate = adapter.hold('set');
      const first = store.update(KEY, 'first', version, TIMEOUT);
      const late = store.update(KEY, 'late', 'first', TIMEOUT);
      await expect(first).rejects.toThrow(SessionStoreError);
      await expect(late).rejects.toThrow(SessionStoreError);
      gate.release();
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

    it.each(operations)('fail with what the cache said: %s', async (_operation, operate) => {
      await stored();
      const failure = new Error('connection reset');
      adapter.failure = failure;
      const error: unknown = await operate().catch((e: unknown) => e);
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as Error).cause).toBe(failure);
    });

    it.each(operations)(
      'fail within the time-out if nothing is said: %s',
      async (_name, operate) => {
        await stored();
        adapter.hangs = true;
        const start = performance.now();
        await expect(operate()).rejects.toThrow(SessionStoreError);
        expect(performance.now() - start).toBeLessThan(800);
      },
    );

    it('fail if only writing does', async () => {
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
  ])('are none where something else is: %s', async (_what, value) => {
    await toKeyv(adapter).set(KEY, value);
    const other = new PlainAdapter();
    for (const [key, raw] of adapter.values) other.values.set(key, raw);
    store = sessionStoreOver(toKeyv(other), clock.now);
    expect(await store.find(KEY)).toBeUndefined();
  });
});
