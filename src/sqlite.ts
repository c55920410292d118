import type { SessionStore } from './session/storage/store.js';
import { checkSqliteOptions, type SqliteLocation } from './store/sqlite/options.js';
import { SqliteStore } from './store/sqlite/store.js';

export type { SqliteLocation, SqliteOptions } from './store/sqlite/options.js';

/**
 * Sessions in a file, with all of this package's guarantees for the processes of one machine; as the second
 * of two stores, copies of sessions. It needs Node.js 22.13 or later.
 *
 * ```ts
 * SessionModule.forRoot({ stores: sqliteStore('sessions.db') })
 * ```
 *
 * @throws SessionOptionsError for invalid options, or if this Node.js has no SQLite
 */
export function sqliteStore(location: SqliteLocation): SessionStore {
  return new SqliteStore(checkSqliteOptions(location));
}
