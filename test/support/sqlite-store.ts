import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sqliteStore, type SqliteOptions } from '../../src/sqlite.js';
import type { SqliteModule } from '../../src/store/sqlite/driver.js';
import type { OpenStore } from './stores.js';

/** Two processes with one file, as far as SQLite can tell. */
export async function openSqliteStore(options: Partial<SqliteOptions> = {}): Promise<OpenStore> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
  const path = join(folder, 'sessions.db');
  const open = () => sqliteStore({ path, ...options });
  const [store, another] = [open(), open()];
  return {
    store,
    another,
    isThereAfter: (key, seconds) => Promise.resolve(secondsLeft(path, key) > seconds),
    async close() {
      await Promise.all([store.close!(), another.close!()]);
      await rm(folder, { recursive: true });
    },
  };
}

/** Of a row's life; 0: there is none. */
export function secondsLeft(path: string, key: string): number {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite' as never) as SqliteModule;
  const database = new DatabaseSync(path);
  const [row] = database
    .prepare(
      "SELECT expires_at / 1000.0 - unixepoch('subsec') AS seconds FROM nest_sessions WHERE key = ?",
    )
    .all(key);
  database.close();
  return Number(row?.seconds ?? 0);
}
