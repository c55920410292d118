import { equal } from 'node:assert/strict';

import type { StoresUnderTest } from './stores-under-test.js';

/** Seconds that no test takes. */
export const LIFE = 1200;

/** A record that was just created, and its version. */
export async function newRecord(
  under: StoresUnderTest,
  text = 'first',
): Promise<{ key: string; version: string }> {
  const key = under.newKey();
  equal(await under.store.create(key, text, LIFE), 'stored');
  const { version } = (await under.store.find(key, LIFE))!;
  return { key, version };
}
