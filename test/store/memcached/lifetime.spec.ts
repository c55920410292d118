import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { SessionStore } from '../../../src/session/storage/store.js';
import { memcachedStore } from '../../../src/store/memcached/store.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { secondsLeft, sessionStoreOver } from '../../support/stores.js';

const MONTH = 30 * 24 * 60 * 60;
/** So many sessions begin at different moments of memcached's second. */
const TRIES = 40;

describe('the life of a record in memcached, whose clock ticks once a second', () => {
  let memcached: Memcached;
  let store: SessionStore;
  let close: () => Promise<void>;

  beforeAll(async () => {
    memcached = await startMemcached();
    const keyv = memcachedStore(memcached.server);
    store = sessionStoreOver(keyv);
    close = () => keyv.disconnect();
  });

  afterAll(async () => {
    await close();
    await memcached.stop();
  });

  /** Whether a record is still there at the end of its life, and how long it was looked at too late. */
  async function isThereAtTheEnd(key: string, seconds: number, renews: boolean): Promise<boolean> {
    let began = performance.now();
    await store.create(key, 'text', renews ? 60 : seconds);
    if (renews) {
      began = performance.now();
      await store.find(key, seconds);
    }
    // On a starved machine memcached's own clock is late, and an item ends that much early.
    const { time } = await memcached.stats();
    const isLate = Date.now() / 1000 - Number(time) > 1.5;
    await delay(seconds * 1000 - 40);
    const asked = performance.now() - began;
    const found = await store.find(key, 0);
    // A busy machine may ask too late; then it says nothing.
    return found !== undefined || isLate || asked >= seconds * 1000;
  }

  it.each([
    ['1 s, stored', 1, false],
    ['1 s, renewed', 1, true],
    ['2 s, stored', 2, false],
    ['2 s, renewed', 2, true],
  ])('never ends early: %s', async (what, seconds, renews) => {
    const lives = Array.from({ length: TRIES }, async (_, n) => {
      await delay(n * 27);
      return isThereAtTheEnd(`sess:${what.replaceAll(/\W/g, '')}${n}`, seconds, renews);
    });
    expect(await Promise.all(lives)).toEqual(Array(TRIES).fill(true));
  });

  it.each([1, 2])('does end: %i s', async (seconds) => {
    const key = `sess:ends${seconds}`;
    const began = performance.now();
    await store.create(key, 'text', seconds);
    while (await store.find(key, 0)) await delay(20);
    // One for the second that was asked for, one for the tick.
    expect(performance.now() - began).toBeLessThan((seconds + 2) * 1000 + 500);
  });

  it.each([MONTH - 1, MONTH, MONTH * 2])('is not read as a date in 1970: %i s', async (seconds) => {
    const key = `sess:long${seconds}`;
    await store.create(key, 'text', 60);
    await store.find(key, seconds);
    const renewed = await secondsLeft(memcached, key);
    const { version } = (await store.find(key, 0))!;
    await store.update(key, 'new', version, seconds);
    for (const left of [renewed, await secondsLeft(memcached, key)]) {
      expect(left).toBeGreaterThanOrEqual(seconds - 5);
      expect(left).toBeLessThanOrEqual(seconds + 3);
    }
  });
});
