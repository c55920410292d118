import { randomBytes } from 'node:crypto';

import type { SessionStore } from '../../session/storage/store.js';
import { describeLives, describeLongLives } from './lives.js';
import { describeOperations } from './operations.js';
import { describeRaces } from './races.js';
import { describeVersions } from './versions.js';
import { suiteOf, type Suite, type TestFramework } from './framework.js';
import type { StoresUnderTest } from './stores-under-test.js';

/** The options of `describeSessionStore()`. */
export interface SessionStoreTests {
  /**
   * The functions of the test framework, such as `{ describe, it, beforeAll, afterAll }` of Vitest, or the
   * module `node:test`. Default: the global functions, as in Jest.
   */
  framework?: TestFramework;
  /** Whether a record will exist after this number of seconds. Enables tests of long lives. */
  isThereAfter?: (key: string, seconds: number) => Promise<boolean>;
  /**
   * Whether to run tests that wait some seconds for lives to end. Default true. Use `false` for a store whose
   * clock stands still until `isThereAfter` moves it.
   */
  waits?: boolean;
  /** Called after the stores were closed, to release other resources. */
  close?: () => Promise<void>;
}

/**
 * Defines the tests that a `SessionStore` must pass: its contract for each operation, for lives, and for
 * concurrent writes. For Jest, Vitest and `node:test`.
 *
 * `makeStore` is called twice, to simulate two processes. Both stores must use the same records, preferably
 * in a real server.
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

/** Like `describeSessionStore()`, with the given tests instead of those of the whole contract. */
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
