import { beforeEach } from '@jest/globals';

import { TieredSessionStore, type Durability } from '../../../src/store/tier/tiered-store.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { FakeCopies } from '../../support/fake-copies.js';
import { FakeStore } from '../../support/fake-store.js';
import { TIMEOUT } from '../../support/stores.js';

export const KEY = 'sess:a';

export let fast: FakeStore;

export let tier: FakeCopies;

export let clock: TestClock;

export let events: string[];

export let store: TieredSessionStore;

export const open = (
  durable: Durability = 'required',
  now = clock.now,
  longestLife: number = TIMEOUT,
) =>
  new TieredSessionStore(fast, tier, {
    ...{ timeout: TIMEOUT, longestLife, now, durable },
    listener: {
      copyFailed: () => events.push('failed'),
      restored: () => events.push('restored'),
    },
  });

/** Continues with another process, which has other options. */
export const reopen = (...options: Parameters<typeof open>): void => {
  store = open(...options);
};

export const stored = async (text = 'first'): Promise<string> => {
  await store.create(KEY, text, TIMEOUT);
  return (await store.find(KEY))!.version;
};

export const textIn = async (of = store, key = KEY) => (await of.find(key))?.text;

export const idle = () => new Promise((resolve) => setImmediate(resolve));

/** Begins anew before each test. */
export function useTieredWorld(): void {
  beforeEach(() => {
    fast = new FakeStore();
    tier = new FakeCopies();
    clock = new TestClock();
    events = [];
    store = open();
  });
}
