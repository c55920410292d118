import { Pool } from 'pg';

import { postgresStore, type PostgresOptions } from '../../src/postgres.js';
import { startPostgres, type Postgres } from './postgres.js';
import type { OpenStore } from './stores.js';

export const TABLE = 'nest_sessions';

/** Two processes with one table, each with its own connections. */
export async function openPostgresStore(
  server?: Postgres,
  options: PostgresOptions = {},
): Promise<OpenStore> {
  const postgres = server ?? (await startPostgres());
  const connectionString = postgres.url;
  const open = () => postgresStore({ connectionString, migrate: true, ...options });
  const [store, another] = [open(), open()];
  const outside = new Pool({ connectionString });
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
      await Promise.all([store.close!(), another.close!(), outside.end()]);
      if (!server) await postgres.stop();
    },
  };
}
