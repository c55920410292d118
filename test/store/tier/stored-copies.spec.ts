import { beforeEach, describe, expect, it } from '@jest/globals';

import { StoredCopies } from '../../../src/store/tier/stored-copies.js';
import type { TieredRecord } from '../../../src/store/tier/record.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { MapSessionStore } from '../../support/map-store.js';
import { TIMEOUT } from '../../support/stores.js';

const KEY = 'sess:a';

describe('copies in a store with compare-and-set', () => {
  let clock: TestClock;
  let copies: StoredCopies;

  beforeEach(() => {
    clock = new TestClock();
    const store = new MapSessionStore(new Map(), clock.now);
    copies = new StoredCopies(store, { timeout: TIMEOUT, now: clock.now });
  });

  const record = (revision: number, isFinal = false): TieredRecord => ({
    ...{ revision, until: clock.now() + TIMEOUT * 1000, isFinal, text: `text ${revision}` },
  });

  it('are read unchanged', async () => {
    expect(await copies.read(KEY)).toBeUndefined();
    await copies.write(KEY, record(1));
    expect(await copies.read(KEY)).toEqual(record(1));
    await copies.write(KEY, record(2));
    expect(await copies.read(KEY)).toEqual(record(2));
  });

  it('are replaced by the last to arrive', async () => {
    await copies.write(KEY, record(2));
    await copies.write(KEY, record(1));
    expect(await copies.read(KEY)).toEqual(record(1));
  });

  it('expire by themselves', async () => {
    await copies.write(KEY, record(1));
    clock.pass(TIMEOUT + 1);
    expect(await copies.read(KEY)).toBeUndefined();
  });

  it('stay ended, whatever arrives later', async () => {
    await copies.write(KEY, record(1));
    await copies.end(KEY);
    await copies.write(KEY, record(9));
    await copies.write(KEY, record(10, true));
    await copies.drop();
    expect(await copies.read(KEY)).toBeUndefined();
    clock.pass(TIMEOUT * 1.1 + 3600 - 1);
    await copies.write(KEY, record(11));
    expect(await copies.read(KEY)).toBeUndefined();
  });

  it('do not replace a later move', async () => {
    await copies.write(KEY, record(2));
    await copies.write(KEY, record(2, true));
    await copies.write(KEY, record(1));
    await copies.write(KEY, record(2));
    expect(await copies.read(KEY)).toEqual(record(2, true));
  });

  it('replace a move that came too late and was not made', async () => {
    await copies.write(KEY, record(2, true));
    await copies.write(KEY, record(3));
    expect(await copies.read(KEY)).toEqual(record(3));
    await copies.write(KEY, record(2, true));
    expect(await copies.read(KEY)).toEqual(record(3));
  });

  it('stay ended among many parallel writes', async () => {
    const writes = Array.from({ length: 20 }, (_, n) => copies.write(KEY, record(n)));
    await Promise.all([...writes, copies.end(KEY)]);
    expect(await copies.read(KEY)).toBeUndefined();
  });
});
