import { deepEqual, equal, ok } from 'node:assert/strict';

import { setTimeout as delay } from 'node:timers/promises';

import type { SessionStore } from '../../session/storage/store.js';
import type { StoresUnderTest } from './stores-under-test.js';
import type { Suite } from './framework.js';

const LIFE = 1200;
const RECORDS = 5;
/** Writers for each record, in each of the two stores. */
const WRITERS = 4;
/** Writes of each writer. */
const WRITES = 5;
/** The longest pause between two calls, in milliseconds. */
const PAUSE = 50;

/** Tests that read, write and remove the same records concurrently, over both stores. */
export function describeRaces({ describe, it }: Suite, under: StoresUnderTest): void {
  const stores = (): SessionStore[] =>
    Array.from({ length: WRITERS }, () => [under.store, under.another]).flat();

  const newRecords = async (): Promise<string[]> => {
    const keys = Array.from({ length: RECORDS }, () => under.newKey());
    await Promise.all(keys.map((key) => under.store.create(key, '0', LIFE)));
    return keys;
  };

  describe('concurrent calls', () => {
    it('lose no update', async () => {
      const keys = await newRecords();
      await Promise.all(
        keys.flatMap((key) =>
          stores().map(async (store) => {
            for (let n = 0; n < WRITES; n++) equal(await increment(store, key), 'stored');
          }),
        ),
      );
      const found = await Promise.all(keys.map((key) => under.another.find(key, LIFE)));
      deepEqual(
        found.map((record) => record?.text),
        keys.map(() => String(WRITERS * 2 * WRITES)),
      );
    });

    it('never restore a removed record', async () => {
      for (const key of await newRecords()) await raceToRemove(key);
    });

    it('agree on the creator of a record', async () => {
      await Promise.all(
        Array.from({ length: RECORDS }, async () => {
          const key = under.newKey();
          const results = await Promise.all(
            stores().map((store, n) => store.create(key, String(n), LIFE)),
          );
          const winners = results.flatMap((result, n) => (result === 'stored' ? [String(n)] : []));
          const found = await under.another.find(key, LIFE);
          deepEqual([found?.text], winners);
        }),
      );
    });
  });

  /** Some calls write until the record is gone, one removes it, and some check that it stays removed. */
  async function raceToRemove(key: string): Promise<void> {
    let isRemoved = false;
    const writers = stores()
      .slice(0, WRITERS)
      .map(async (store) => {
        // Without a pause, the other calls would never run.
        while ((await increment(store, key)) === 'stored') await delay(Math.random() * PAUSE);
      });
    const readers = [under.store, under.another].map(async (store) => {
      for (let isOver = false; !isOver;) {
        isOver = isRemoved; // before the read, so that a late answer is not an error
        const found = await store.find(key, 0);
        ok(!isOver || !found, 'the store returned a removed record');
        await delay(Math.random() * PAUSE);
      }
    });
    while (!isRemoved) {
      const found = await under.another.find(key, 0);
      ok(found, 'a record is gone, but was not removed');
      const result = await under.another.remove(key, found.version);
      ok(result !== 'gone', 'a record is gone, but was not removed');
      isRemoved = result === 'removed';
    }
    await Promise.all([...writers, ...readers]);
    equal(await under.store.find(key, LIFE), undefined);
  }
}

/** Adds one to the number in a record. Repeats this after each conflict. */
async function increment(store: SessionStore, key: string): Promise<'stored' | 'gone'> {
  for (;;) {
    const found = await store.find(key, LIFE);
    if (!found) return 'gone';
    const result = await store.update(key, String(Number(found.text) + 1), found.version, LIFE);
    if (result !== 'changed') return result;
  }
}
