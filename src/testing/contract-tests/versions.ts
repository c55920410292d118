import { deepEqual, equal, notEqual } from 'node:assert/strict';

import { LIFE, newRecord } from './new-record.js';
import type { StoresUnderTest } from './stores-under-test.js';
import type { Suite } from './framework.js';

/** Tests of the versions of a record. */
export function describeVersions({ describe, it }: Suite, under: StoresUnderTest): void {
  const versionOf = async (key: string) => (await under.store.find(key, LIFE))?.version;

  describe('a version', () => {
    it('does not change without a write', async () => {
      const { key, version } = await newRecord(under);
      for (const renewTo of [LIFE, 0, LIFE * 2]) {
        equal((await under.store.find(key, renewTo))?.version, version);
        equal((await under.another.find(key, renewTo))?.version, version);
      }
    });

    it('changes even if the same text is written', async () => {
      const { key, version } = await newRecord(under, 'same');
      equal(await under.store.update(key, 'same', version, LIFE), 'stored');
      notEqual(await versionOf(key), version);
      equal(await under.another.update(key, 'late', version, LIFE), 'changed');
    });

    it('never comes back, even if the record is created again', async () => {
      const { key, version } = await newRecord(under, 'same');
      equal(await under.store.remove(key, version), 'removed');
      equal(await under.store.create(key, 'same', LIFE), 'stored');
      notEqual(await versionOf(key), version);
      equal(await under.store.update(key, 'late', version, LIFE), 'changed');
      equal(await under.another.remove(key, version), 'changed');
      deepEqual((await under.store.find(key, LIFE))?.text, 'same');
    });
  });
}
