import { beforeEach, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';

import { newSessionId } from '../../../src/session/session-id.js';
import type { SessionStore } from '../../../src/session/storage/store.js';
import { use, usePostgres } from '../../support/hooks.js';
import { openOn, passIn, TABLE } from '../../support/postgres-store.js';
import { storeKeyOf } from '../../support/store-key.js';

const LIFE = 1000;

describe('rows of sessions in Postgres', () => {
  const postgres = usePostgres();
  const world = use(
    () =>
      Promise.resolve({
        outside: new Pool({ connectionString: postgres.url }),
        store: openOn(postgres),
      }),
    ({ outside, store }) => Promise.all([outside.end(), store.close!()]),
  );
  let outside: Pool;
  let store: SessionStore;
  let key: string;

  beforeEach(() => {
    ({ outside, store } = world);
    key = storeKeyOf(newSessionId(), 'sess:');
  });

  const pass = (seconds: number) => passIn(outside, seconds);

  async function row() {
    const { rows } = await outside.query<{ left: number; written: string; place: string }>(
      `SELECT extract(epoch FROM expires_at - now())::float8 AS left, xmin AS written, ctid AS place
       FROM ${TABLE} WHERE key = $1`,
      [key],
    );
    return rows[0];
  }

  it('are not found, changed or removed after they have expired', async () => {
    await store.create(key, 'first', LIFE);
    const { version } = (await store.find(key, 0))!;
    await pass(LIFE + 1);
    expect(await store.find(key, 0)).toBeUndefined();
    expect(await store.find(key, LIFE)).toBeUndefined();
    expect(await store.update(key, 'second', version, LIFE)).toBe('gone');
    expect(await store.remove(key, version)).toBe('gone');
    expect(await row()).toBeDefined();
  });

  it('that have expired can be created again, by one of many calls', async () => {
    await store.create(key, 'first', LIFE);
    const { version } = (await store.find(key, 0))!;
    await pass(LIFE + 1);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => store.create(key, String(n), LIFE)),
    );
    expect(results.filter((result) => result === 'stored')).toHaveLength(1);
    expect((await store.find(key, 0))?.text).toBe(String(results.indexOf('stored')));
    expect(await store.update(key, 'late', version, LIFE)).toBe('changed');
  });

  it('are written once for all renewals within a tenth of the timeout', async () => {
    await store.create(key, 'text', LIFE);
    await pass(1);
    await store.find(key, LIFE);
    const renewed = await row();
    expect(renewed!.left).toBeGreaterThan(LIFE + 90);
    expect(renewed!.left).toBeLessThanOrEqual(LIFE * 1.1);
    await Promise.all(Array.from({ length: 30 }, () => store.find(key, LIFE)));
    expect((await row())!.written).toBe(renewed!.written);

    await pass(LIFE * 0.1 + 1);
    const due = await row();
    await Promise.all(Array.from({ length: 30 }, () => store.find(key, LIFE)));
    expect((await row())!.written).not.toBe(due!.written);
    expect((await row())!.left).toBeGreaterThan(LIFE + 90);
  });

  it('keep `expires_at` on a write, if it is late enough', async () => {
    await store.create(key, 'first', LIFE);
    await pass(1);
    const { version } = (await store.find(key, LIFE))!;
    await pass(50);
    const before = await row();
    await store.update(key, 'second', version, LIFE);
    const { left } = (await row())!;
    expect(left).toBeLessThanOrEqual(before!.left);
    expect(left).toBeGreaterThan(LIFE);
  });

  it('end earlier after a write or a renewal with a shorter life', async () => {
    await store.create(key, 'first', LIFE);
    const { version } = (await store.find(key, LIFE))!;
    await store.update(key, 'second', version, 10);
    expect((await row())!.left).toBeLessThanOrEqual(10);
    await store.find(key, LIFE);
    await store.find(key, 20);
    expect((await row())!.left).toBeLessThanOrEqual(22);
  });

  it('never have the same version again', async () => {
    const versions = new Set<string>();
    for (let n = 0; n < 5; n++) {
      await store.create(key, 'same', LIFE);
      const { version } = (await store.find(key, 0))!;
      versions.add(version);
      await store.remove(key, version);
    }
    expect(versions.size).toBe(5);
  });

  it('are removed after they have expired, by several processes in parallel', async () => {
    const keys = Array.from({ length: 2500 }, (_, n) => `sess:old-${n}`);
    await outside.query(
      `INSERT INTO ${TABLE} SELECT unnest($1::text[]), 'v', 'text', now() - interval '1 second'`,
      [keys],
    );
    await store.create(key, 'text', LIFE);
    const cleaners = [openOn(postgres, { cleanUpEvery: 1 }), openOn(postgres, { cleanUpEvery: 1 })];
    await Promise.all(cleaners.map((cleaner) => cleaner.find(key, 0)));
    const count = async () => {
      const { rows } = await outside.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM ${TABLE} WHERE key LIKE 'sess:old-%'`,
      );
      return rows[0]!.n;
    };
    while ((await count()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await store.find(key, 0)).toMatchObject({ text: 'text' });
    await Promise.all(cleaners.map((cleaner) => cleaner.close!()));
  });

  it.each(['repeatable read', 'serializable'])(
    'lose no update in the isolation level %s',
    async (isolation) => {
      const connectionString = `${postgres.url}?options=${encodeURIComponent(
        `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`,
      )}`;
      const strict = openOn(postgres, { connectionString });
      await strict.create(key, '0', LIFE);
      const count = async (): Promise<void> => {
        for (;;) {
          const { text, version } = (await strict.find(key, LIFE))!;
          const result = await strict.update(key, String(Number(text) + 1), version, LIFE);
          if (result === 'stored') return;
          expect(result).toBe('changed');
        }
      };
      await Promise.all(Array.from({ length: 8 }, count));
      expect((await strict.find(key, 0))?.text).toBe('8');
      await strict.close!();
    },
  );
});
