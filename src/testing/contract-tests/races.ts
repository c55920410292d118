import { deepEqual, equal, ok } from 'node:assert/strict';

import { setTimeout as delay } from 'node:timers/promises';

import type { SessionStore } from '../../session/storage/store.js';
import type { StoresUnderTest } from './stores-under-test.js';
import type { Suite } from './framework.js';

const LIFE = 1200;
const RECORDS = 5;
/** Of each of two stores, for each record. */
const WRITERS = 4;
/** Of each writer. */
const WRITES = 5;
/** Milliseconds. */
const PAUSE = 50;

/** Many who read, write and remove the same records, over both stores. */
export function describeRaces({ describe, it }: Suite, under: StoresUnderTest): void {
  const stores = (): SessionStore[] =>
    Array.from({ length: WRITERS }, () => [under.store, under.another]).flat();

  const newRecords = async (): Promise<string[]> => {
    const keys = Array.from({ length: RECORDS }, () => under.newKey());
    await Promise.all(keys.map((key) => under.store.create(key, '0', LIFE)));
    return keys;
  };

  describe('many at once', () => {
    it('lose no change', async () => {
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

    it('bring nothing back that was removed', async () => {
      for (const key of await newRecords()) await raceToRemove(key);
    });

    it('agree who has made a record', async () => {
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

  /** Some write for as long as there is a record, one removes it, some look whether it comes back. */
  async function raceToRemove(key: string): Promise<void> {
    let isRemoved = false;
    const writers = stores()
      .slice(0, WRITERS)
      .map(async (store) => {
        // Whoever never pauses leaves nobody else a turn.
        while ((await increment(store, key)) === 'stored') await delay(Math.random() * PAUSE);
      });
    const readers = [under.store, under.another].map(async (store) => {
      for (let isOver = false; !isOver;) {
        isOver = isRemoved; // before it is asked, so that a late answer is no fault
        const found = await store.find(key, 0);
        ok(!isOver || !found, 'a removed record was answered');
        await delay(Math.random() * PAUSE);
      }
    });
    while (!isRemoved) {
      const found = await under.another.find(key, 0);
      ok(found, 'a record is gone that nobody has removed');
      const result = await under.another.remove(key, found.version);
      ok(result !== 'gone', 'a record is gone that nobody has removed');
      isRemoved = result === 'removed';
    }
    await Promise.all([...writers, ...readers]);
    equal(await under.store.find(key, LIFE), undefined);
  }
}

/** Adds one to what a record holds, again until nobody came in between. */
async function increment(store: SessionStore, key: string): Promise<'stored' | 'gone'> {
  for (;;) {
    const found = await store.find(key, LIFE);
    if (!found) return 'gone';
    const result = await store.update(key, String(Number(found.text) + 1), found.version, LIFE);
    if (result !== 'changed') return result;
  }
}
