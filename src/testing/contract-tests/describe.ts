import { randomBytes } from 'node:crypto';

import type { SessionStore } from '../../session/storage/store.js';
import { describeLives, describeLongLives } from './lives.js';
import { describeOperations } from './operations.js';
import { describeRaces } from './races.js';
import { describeVersions } from './versions.js';
import { suiteOf, type Suite, type TestFramework } from './framework.js';
import type { StoresUnderTest } from './stores-under-test.js';

/** How a store is tested. */
export interface SessionStoreTests {
  /**
   * The functions of the test framework, such as `{ describe, it, beforeAll, afterAll }` of Vitest or all
   * of `node:test`. Default: the global ones, as Jest has them.
   */
  framework?: TestFramework;
  /** Whether a record will be, or would be, there so many seconds from now. Allows tests of long lives. */
  isThereAfter?: (key: string, seconds: number) => Promise<boolean>;
  /**
   * Whether there are tests that wait some seconds, for lives to end. Default true. `false` for a store
   * whose clock stands still until `isThereAfter` moves it.
   */
  waits?: boolean;
  /** Ends what the tests have used, after the stores were closed. */
  close?: () => Promise<void>;
}

/**
 * The tests that a `SessionStore` has to pass: what its contract says of each operation, lives, and many
 * who write at once. For Jest, Vitest and `node:test`.
 *
 * `makeStore` is called twice, for what two processes would have: both stores must see the same records,
 * best in a real server.
 *
 * ```ts
 * describeSessionStore('MongoDB', () => new MongoSessionStore(uri));
 * ```
 */
export function describeSessionStore(
  name: string,
  makeStore: () => SessionStore | Promise<SessionStore>,
  tests: SessionStoreTests = {},
): void {
  describeWith(name, makeStore, tests, [describeOperations, describeVersions, describeRaces]);
}

/** The same with other tests than those of a store that keeps the whole contract. */
export function describeWith(
  name: string,
  makeStore: () => SessionStore | Promise<SessionStore>,
  tests: SessionStoreTests,
  parts: readonly ((suite: Suite, under: StoresUnderTest) => void)[],
): void {
  const suite = suiteOf(tests.framework);
  const made: SessionStore[] = [];
  const under: StoresUnderTest = {
    get store() {
      return made[0]!;
    },
    get another() {
      return made[1]!;
    },
    newKey: () => `sess:${randomBytes(32).toString('base64url')}`,
  };
  suite.describe(`sessions in ${name}`, () => {
    suite.before(async () => {
      made.push(await makeStore());
      made.push(await makeStore());
    });
    suite.after(async () => {
      for (const store of made) await store.close?.();
      await tests.close?.();
    });
    for (const describePart of parts) describePart(suite, under);
    if (tests.isThereAfter) describeLongLives(suite, under, tests.isThereAfter);
    if (tests.waits ?? true) describeLives(suite, under);
  });
}
