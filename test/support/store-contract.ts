import { afterAll, beforeAll, describe, it } from '@jest/globals';

import { describeWith } from '../../src/testing/contract-tests/describe.js';
import { describeOperations } from '../../src/testing/contract-tests/operations.js';
import { describeRaces } from '../../src/testing/contract-tests/races.js';
import { describeVersions } from '../../src/testing/contract-tests/versions.js';
import type { OpenStore } from './stores.js';

/**
 * What a store does not keep of the contract: `'versions'`, as renewing is a write, and `'processes'`,
 * since it can only read and overwrite.
 */
type Missing = 'versions' | 'processes';

/** The contract of `SessionStore`, which every store keeps. */
export function describeStore(
  name: string,
  open: () => Promise<OpenStore>,
  ...missing: Missing[]
): void {
  let opened: OpenStore | undefined;
  const makeStore = async () => {
    if (!opened) opened = await open();
    else if (!missing.includes('processes')) return opened.another;
    return opened.store;
  };
  const parts = [describeOperations, describeRaces];
  if (missing.length === 0) parts.push(describeVersions);
  const tests = {
    framework: { describe, it, beforeAll, afterAll } as never,
    isThereAfter: (key: string, seconds: number) => opened!.isThereAfter(key, seconds),
    waits: false,
    close: () => opened!.close(),
  };
  describeWith(name, makeStore, tests, parts);
}
