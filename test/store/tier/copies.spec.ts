import { setImmediate as nextTurn } from 'node:timers/promises';

import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionStoreError } from '../../../src/session/errors.js';
import { CachedCopies } from '../../../src/store/tier/copies.js';
import { toKeyv } from '../../../src/store/store.factory.js';
import type { TieredRecord } from '../../../src/store/tier/record.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { PlainAdapter } from '../../support/plain-adapter.js';
import { cacheOver, TIMEOUT } from '../../support/stores.js';

const KEY = 'sess:a';

describe('copies of sessions in a store that can only overwrite', () => {
  let adapter: PlainAdapter;
  let clock: TestClock;
  let copies: CachedCopies;

  const open = (): CachedCopies => {
    const keyv = toKeyv(adapter);
    keyv.throwOnErrors = true;
    return new CachedCopies(cacheOver(keyv), { timeout: TIMEOUT, now: clock.now });
  };
  const record = (revision: number, more: Partial<TieredRecord> = {}): TieredRecord => ({
    ...{ revision, until: clock.now() + TIMEOUT * 1000, isFinal: false, text: `text ${revision}` },
    ...more,
  });

  beforeEach(() => {
    adapter = new PlainAdapter();
    clock = new TestClock();
    copies = open();
  });

  it('are read unchanged', async () => {
    expect(await copies.read(KEY)).toBeUndefined();
    const written = record(5, { text: 'a\n{"ä":"€"}\0' });
    await copies.write(KEY, written);
    expect(await open().read(KEY)).toEqual(written);
  });

  it('live in the store as long as the session', async () => {
    await copies.write(KEY, record(1));
    const [value] = [...adapter.values.values()].map((text) => JSON.parse(text as string));
    expect(value.expires - Date.now()).toBeGreaterThan((TIMEOUT - 10) * 1000);
    expect(value.expires - Date.now()).toBeLessThanOrEqual(TIMEOUT * 1000);
  });

  it('are not read after the session has ended, whatever is written later', async () => {
    await copies.write(KEY, record(1));
    await copies.end(KEY);
    await copies.write(KEY, record(9));
    await copies.write(KEY, record(9, { isFinal: true }));
    expect(await copies.read(KEY)).toBeUndefined();
  });

  it('give way to a final record, also those that arrive later', async () => {
    const final = record(3, { isFinal: true });
    await copies.write(KEY, record(3));
    await copies.write(KEY, final);
    await copies.write(KEY, record(2));
    expect(await copies.read(KEY)).toEqual(final);
  });

  it('with a higher revision than a final record show that it came too late', async () => {
    await copies.write(KEY, record(3, { isFinal: true }));
    await copies.write(KEY, record(4));
    expect((await copies.read(KEY))?.revision).toBe(4);
  });

  it('are dropped, but tombstones are not', async () => {
    await copies.write(KEY, record(1));
    await copies.drop(KEY);
    expect(await copies.read(KEY)).toBeUndefined();
    expect(adapter.values.size).toBe(0);
  });

  it('that are invalid count as missing', async () => {
    await toKeyv(adapter).set(`${KEY}.copy`, { another: 'application’s' });
    expect(await copies.read(KEY)).toBeUndefined();
  });

  it('of one process arrive in their order', async () => {
    const gate = adapter.hold('set');
    const first = copies.write(KEY, record(1));
    await gate.reached;
    const second = copies.write(KEY, record(2));
    gate.release();
    await Promise.all([first, second]);
    expect((await copies.read(KEY))?.revision).toBe(2);
  });

  it('that waited too long for a slow one are not written, and reported as failed', async () => {
    const gate = adapter.hold('set');
    const slow = copies.write(KEY, record(1));
    await gate.reached;
    const waiting = copies.write(KEY, record(2));
    await expect(slow).rejects.toThrow(SessionStoreError);
    await expect(waiting).rejects.toThrow(SessionStoreError);
    gate.release();
    await nextTurn();
    await copies.write(KEY, record(3));
    expect(adapter.count('set')).toBe(2);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['read', () => copies.read(KEY)],
    ['write', () => copies.write(KEY, record(1))],
    ['end', () => copies.end(KEY)],
    ['drop', () => copies.drop(KEY)],
  ])("fail during an outage with the store's error or a timeout: %s", async (_name, operate) => {
    adapter.failure = new Error('connection reset');
    const error: unknown = await operate().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SessionStoreError);
    expect((error as Error).cause).toBe(adapter.failure);
    adapter.failure = undefined;
    adapter.hangs = true;
    await expect(operate()).rejects.toThrow(SessionStoreError);
  });
});
