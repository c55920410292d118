import { Pool } from 'pg';

import { postgresStore, type PostgresOptions } from '../../src/postgres.js';
import type { SessionStore } from '../../src/session/storage/store.js';
import { cacheStore } from '../../src/store/contract/cache-store.js';
import { startPostgres, type Postgres } from './postgres.js';
import { sessionStoreOver, type OpenStore, type OpenTier } from './stores.js';

export const TABLE = 'nest_sessions';

/** Two processes with one table, each with its own connections. */
export async function openPostgresStore(): Promise<OpenStore> {
  const postgres = await startPostgres();
  const [store, another] = [openOn(postgres), openOn(postgres)];
  return openOver(postgres, store, another, () => Promise.all([store.close!(), another.close!()]));
}

/** The same, as sessions use it: in a cache, with deadlines. */
export async function openCachedPostgres(): Promise<OpenStore> {
  const postgres = await startPostgres();
  const [one, other] = [cacheStore(openOn(postgres)), cacheStore(openOn(postgres))];
  return openOver(postgres, sessionStoreOver(one), sessionStoreOver(other), () =>
    Promise.all([one.disconnect(), other.disconnect()]),
  );
}

/** As the second of two stores. */
export async function postgresRowsTier(): Promise<OpenTier> {
  const postgres = await startPostgres();
  const outside = new Pool({ connectionString: postgres.url });
  const tier = cacheStore(openOn(postgres));
  return {
    tier,
    pass: (seconds) => passIn(outside, seconds),
    async close() {
      await Promise.all([tier.disconnect(), outside.end()]);
      await postgres.stop();
    },
  };
}

export function openOn(
  { url: connectionString }: Postgres,
  options: PostgresOptions = {},
): SessionStore {
  return postgresStore({ connectionString, migrate: true, ...options });
}

/** Moves the time forward by this number of seconds. */
export async function passIn(pool: Pool, seconds: number): Promise<void> {
  const text = `UPDATE ${TABLE} SET expires_at = expires_at - $1 * interval '1 second'`;
  await pool.query(text, [seconds]);
}

function openOver(
  postgres: Postgres,
  store: SessionStore,
  another: SessionStore,
  closeStores: () => Promise<unknown>,
): OpenStore {
  const outside = new Pool({ connectionString: postgres.url });
  return {
    store,
    another,
    async isThereAfter(key, seconds) {
      const { rows } = await outside.query<{ there: boolean }>(
        `SELECT expires_at > now() + $2 * interval '1 second' AS there FROM ${TABLE} WHERE key = $1`,
        [key, seconds],
      );
      return rows[0]?.there ?? false;
    },
    async close() {
      await Promise.all([closeStores(), outside.end()]);
      await postgres.stop();
    },
  };
}
