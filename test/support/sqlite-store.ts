import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { sqliteStore } from '../../src/sqlite.js';
import type { SqliteConnection, SqliteModule } from '../../src/store/sqlite/driver.js';
import { cacheStore } from '../../src/store/contract/cache-store.js';
import type { OpenStore, OpenTier } from './stores.js';

/** Two connections to one file, which SQLite treats like two processes. */
export async function openSqliteStore(): Promise<OpenStore> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
  const path = join(folder, 'sessions.db');
  const [store, another] = [sqliteStore(path), sqliteStore(path)];
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

/** As the second of two stores. */
export async function sqliteRowsTier(): Promise<OpenTier> {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-'));
  const path = join(folder, 'sessions.db');
  const tier = cacheStore(sqliteStore(path));
  return {
    tier,
    pass(seconds) {
      const database = open(path);
      database.exec(`UPDATE nest_sessions SET expires_at = expires_at - ${seconds * 1000}`);
      database.close();
      return Promise.resolve();
    },
    async close() {
      await tier.disconnect();
      await rm(folder, { recursive: true });
    },
  };
}

function open(path: string): SqliteConnection {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite' as never) as SqliteModule;
  return new DatabaseSync(path);
}

/** Seconds that a row has left; 0: there is no row. */
export function secondsLeft(path: string, key: string): number {
  const database = open(path);
  const [row] = database
    .prepare(
      "SELECT expires_at / 1000.0 - unixepoch('subsec') AS seconds FROM nest_sessions WHERE key = ?",
    )
    .all(key);
  database.close();
  return Number(row?.seconds ?? 0);
}
