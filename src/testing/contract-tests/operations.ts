import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';

import { LIFE, newRecord } from './new-record.js';
import type { StoresUnderTest } from './stores-under-test.js';
import type { Suite } from './framework.js';

/** Tests of the result and the effect of each operation. */
export function describeOperations({ describe, it }: Suite, under: StoresUnderTest): void {
  const textOf = async (key: string) => (await under.store.find(key, LIFE))?.text;

  const stored = (text?: string) => newRecord(under, text);

  describe('find', () => {
    it('returns undefined if there is no record', async () => {
      equal(await under.store.find(under.newKey(), LIFE), undefined);
      equal(await under.store.find(under.newKey(), 0), undefined);
    });

    it('returns the text and a version, in each process', async () => {
      const { key, version } = await stored('text');
      equal(typeof version, 'string');
      for (const renewTo of [LIFE, 0]) {
        const found = await under.another.find(key, renewTo);
        deepEqual([found?.text, found?.version], ['text', version]);
      }
    });

    for (const [what, text] of TEXTS) {
      it(`returns the text unchanged: ${what}`, async () => {
        const { key, version } = await stored(text);
        ok((await textOf(key)) === text);
        equal(await under.store.update(key, `${text}.`, version, LIFE), 'stored');
        ok((await textOf(key)) === `${text}.`);
      });
    }

    it('distinguishes the records of two keys', async () => {
      const [one, other] = [under.newKey(), under.newKey()];
      await Promise.all([under.store.create(one, 'a', LIFE), under.store.create(other, 'b', LIFE)]);
      deepEqual(await Promise.all([textOf(one), textOf(other)]), ['a', 'b']);
    });
  });

  describe('create', () => {
    it('does not change an existing record', async () => {
      const { key, version } = await stored('first');
      equal(await under.store.create(key, 'second', LIFE), 'taken');
      equal(await under.another.create(key, 'third', LIFE), 'taken');
      const found = await under.store.find(key, LIFE);
      deepEqual([found?.text, found?.version], ['first', version]);
    });

    it('succeeds once among concurrent calls', async () => {
      const key = under.newKey();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 ? under.store : under.another).create(key, String(n), LIFE),
        ),
      );
      equal(results.filter((result) => result === 'stored').length, 1);
      equal(await textOf(key), String(results.indexOf('stored')));
    });
  });

  describe('update', () => {
    it('replaces the given version', async () => {
      const { key, version } = await stored();
      equal(await under.store.update(key, 'second', version, LIFE), 'stored');
      const found = await under.store.find(key, LIFE);
      equal(found?.text, 'second');
      notEqual(found?.version, version);
    });

    it('changes nothing if another process has written meanwhile', async () => {
      const { key, version } = await stored();
      equal(await under.another.update(key, 'theirs', version, LIFE), 'stored');
      equal(await under.store.update(key, 'mine', version, LIFE), 'changed');
      equal(await textOf(key), 'theirs');
    });

    it('does not create a record that is gone', async () => {
      const { key, version } = await stored();
      equal(await under.another.remove(key, version), 'removed');
      equal(await under.store.update(key, 'mine', version, LIFE), 'gone');
      equal(await under.store.find(key, LIFE), undefined);
    });

    it('succeeds once among concurrent calls', async () => {
      const { key, version } = await stored();
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 ? under.store : under.another).update(key, String(n), version, LIFE),
        ),
      );
      equal(results.filter((result) => result === 'stored').length, 1);
      equal(results.filter((result) => result === 'changed').length, 19);
      equal(await textOf(key), String(results.indexOf('stored')));
    });
  });

  describe('remove', () => {
    it('removes a record, in each process', async () => {
      const { key, version } = await stored();
      equal(await under.store.remove(key, version), 'removed');
      equal(await under.store.find(key, LIFE), undefined);
      equal(await under.another.find(key, LIFE), undefined);
    });

    it('does not remove a record that another process has written meanwhile', async () => {
      const { key, version } = await stored();
      await under.another.update(key, 'theirs', version, LIFE);
      equal(await under.store.remove(key, version), 'changed');
      equal(await textOf(key), 'theirs');
    });

    it('reports that there is no record', async () => {
      const { key, version } = await stored();
      await under.another.remove(key, version);
      equal(await under.store.remove(key, version), 'gone');
    });

    it('succeeds once among concurrent calls', async () => {
      const { key, version } = await stored();
      const results = await Promise.all(
        Array.from({ length: 10 }, (_, n) =>
          (n % 2 ? under.store : under.another).remove(key, version),
        ),
      );
      equal(results.filter((result) => result === 'removed').length, 1);
      equal(results.filter((result) => result === 'gone').length, 9);
    });
  });
}

const TEXTS: readonly [string, string][] = [
  ['nothing', ''],
  ['line ends', 'a\r\nEND\r\nSTORED\r\n\n'],
  ['unicode', 'ä€😀\u2028\ufeff'],
  ['quotes', `"'\\{}[]%s$1:0`],
  ['text that looks like JSON', '{"value":null,"expires":0}'],
  ['half a megabyte', 'äx'.repeat(170_000)],
];
