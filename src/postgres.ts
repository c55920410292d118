import type { SessionStore } from './session/storage/store.js';
import { checkPostgresOptions, type PostgresLocation } from './store/postgres/options.js';
import { PostgresStore } from './store/postgres/store.js';

export { postgresMigration } from './store/postgres/table.js';
export type {
  PostgresClient,
  PostgresLocation,
  PostgresOptions,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
} from './store/postgres/options.js';

/**
 * Sessions in a table of Postgres, with all of this package's guarantees; as the second of two stores,
 * copies of sessions. It needs the package `pg`.
 *
 * ```ts
 * SessionModule.forRoot({
 *   stores: postgresStore({ connectionString: 'postgresql://127.0.0.1:5432/app', migrate: true }),
 * })
 * ```
 *
 * @throws SessionOptionsError for invalid options, or if `pg` is needed and not installed
 */
export function postgresStore(location: PostgresLocation): SessionStore {
  return new PostgresStore(checkPostgresOptions(location));
}
