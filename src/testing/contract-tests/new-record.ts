import { equal } from 'node:assert/strict';

import type { StoresUnderTest } from './stores-under-test.js';

/** A life in seconds, longer than any test. */
export const LIFE = 1200;

/** Creates a record, and returns its key and version. */
export async function newRecord(
  under: StoresUnderTest,
  text = 'first',
): Promise<{ key: string; version: string }> {
  const key = under.newKey();
  equal(await under.store.create(key, text, LIFE), 'stored');
  const { version } = (await under.store.find(key, LIFE))!;
  return { key, version };
}
