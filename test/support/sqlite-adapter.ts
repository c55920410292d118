import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { Database } from 'node-sqlite3-wasm';

/** SQLite as a Keyv store: a file, and nothing to start. */
export class SqliteAdapter implements KeyvStoreAdapter {
  readonly opts = {};
  private readonly database: Database;

  constructor(file: string) {
    this.database = new Database(file);
    this.database.run('CREATE TABLE IF NOT EXISTS keyv (key TEXT PRIMARY KEY, value TEXT)');
  }

  get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    const row = this.database.get('SELECT value FROM keyv WHERE key = ?', key);
    return Promise.resolve((row?.value ?? undefined) as StoredData<Value> | undefined);
  }

  set(key: string, value: unknown): Promise<void> {
    this.database.run('INSERT OR REPLACE INTO keyv (key, value) VALUES (?, ?)', [
      key,
      value as string,
    ]);
    return Promise.resolve();
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.database.run('DELETE FROM keyv WHERE key = ?', key).changes > 0);
  }

  clear(): Promise<void> {
    this.database.run('DELETE FROM keyv');
    return Promise.resolve();
  }

  disconnect(): Promise<void> {
    this.database.close();
    return Promise.resolve();
  }

  on(): this {
    return this;
  }
}
