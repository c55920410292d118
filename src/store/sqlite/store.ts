import { randomUUID } from 'node:crypto';

import type { SessionStore, StoredText } from '../../session/storage/store.js';
import { BATCH, CleanUp } from '../sql/clean-up.js';
import { LIFE_TOLERANCE, RENEWAL_SLACK } from '../sql/life.js';
import { fromColumn, toColumn } from '../sql/text-column.js';
import type { CopyRows } from '../tier/row-copies.js';
import { SqliteDatabase } from './database.js';
import {
  sqliteModule,
  type SqliteConnection,
  type SqliteModule,
  type SqliteStatement,
} from './driver.js';
import type { SqliteOptions } from './options.js';

/** Milliseconds since 1970, by the machine's clock, which all processes share. */
const NOW = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

const STATEMENTS = {
  find: `SELECT version, data, expires_at - ${NOW} AS "left" FROM {table}
    WHERE key = ?1 AND expires_at > ${NOW}`,
  readRows: `SELECT key, data, expires_at - ${NOW} AS "left" FROM {table}
    WHERE key IN (SELECT value FROM json_each(?1)) AND expires_at > ${NOW}`,
  renew: `UPDATE {table} SET expires_at = ${NOW} + ?2 WHERE key = ?1 AND expires_at > ${NOW}`,
  create: `INSERT INTO {table} AS old (key, version, data, expires_at)
    VALUES (?1, ?2, ?3, ${NOW} + ?4)
    ON CONFLICT (key) DO UPDATE
    SET version = excluded.version, data = excluded.data, expires_at = excluded.expires_at
    WHERE old.expires_at <= ${NOW}`,
  update: `UPDATE {table} SET version = ?3, data = ?4, expires_at = CASE
      WHEN expires_at BETWEEN ${NOW} + ?5 AND ${NOW} + ?5 * ${RENEWAL_SLACK} THEN expires_at
      ELSE ${NOW} + ?5 END
    WHERE key = ?1 AND version = ?2 AND expires_at > ${NOW}`,
  remove: `DELETE FROM {table} WHERE key = ?1 AND version = ?2 AND expires_at > ${NOW}`,
  writeRow: `INSERT INTO {table} AS old (key, version, data, expires_at)
    VALUES (?1, ?2, ?3, ${NOW} + ?4)
    ON CONFLICT (key) DO UPDATE
    SET version = excluded.version, data = excluded.data, expires_at = excluded.expires_at
    WHERE old.version <= excluded.version OR old.expires_at <= ${NOW}`,
  deleteRow: `DELETE FROM {table} WHERE key = ?1`,
  cleanUp: `DELETE FROM {table} WHERE rowid IN (
    SELECT rowid FROM {table} WHERE expires_at <= ${NOW} ORDER BY expires_at LIMIT ${BATCH})`,
} as const;

type StatementName = keyof typeof STATEMENTS;

interface Row {
  readonly version: string;
  readonly data: string;
  /** The remaining life in milliseconds. */
  readonly left: number;
}

/** A session store in an SQLite file. As the second of two stores, it keeps copies. */
export class SqliteStore implements SessionStore, CopyRows {
  readonly name = 'sqlite';
  readonly timeout: number;
  private readonly table: string;
  private readonly database: SqliteDatabase;
  private readonly cleanUp: CleanUp;
  private prepared: { by?: SqliteConnection; statements: Map<string, SqliteStatement> } = {
    statements: new Map(),
  };

  /** @throws SessionOptionsError if this Node.js has no SQLite */
  constructor(options: Required<SqliteOptions>, sqlite: SqliteModule = sqliteModule()) {
    this.timeout = options.timeout;
    this.table = `"${options.table}"`;
    const schema = `CREATE TABLE IF NOT EXISTS ${this.table} (
      key TEXT PRIMARY KEY, version TEXT NOT NULL, data TEXT NOT NULL, expires_at INTEGER NOT NULL);
      CREATE INDEX IF NOT EXISTS "${options.table}_expires_at" ON ${this.table} (expires_at);`;
    this.database = new SqliteDatabase(sqlite, { ...options, schema });
    this.cleanUp = new CleanUp(options.cleanUpEvery, () => this.change('cleanUp'));
  }

  async find(key: string, renewTo = 0): Promise<StoredText | undefined> {
    const row = await this.row(key);
    if (!row) return undefined;
    const found = { text: fromColumn(row.data), version: row.version };
    if (renewTo === 0) return { ...found, lifeLeft: row.left / 1000 };
    const life = renewTo * 1000;
    const most = life * RENEWAL_SLACK + LIFE_TOLERANCE * 1000;
    if (row.left < life || row.left > most) {
      await this.change('renew', key, Math.ceil(life * RENEWAL_SLACK));
    }
    return found;
  }

  async create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    const values = [key, randomUUID(), toColumn(text), lifeSeconds * 1000];
    return (await this.change('create', ...values)) > 0 ? 'stored' : 'taken';
  }

  async update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): Promise<'stored' | 'changed' | 'gone'> {
    const values = [key, version, randomUUID(), toColumn(text), lifeSeconds * 1000];
    if ((await this.change('update', ...values)) > 0) return 'stored';
    return (await this.row(key)) ? 'changed' : 'gone';
  }

  async remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    if ((await this.change('remove', key, version)) > 0) return 'removed';
    return (await this.row(key)) ? 'changed' : 'gone';
  }

  async readRows(keys: readonly string[]): ReturnType<CopyRows['readRows']> {
    const rows = await this.ask('readRows', JSON.stringify(keys));
    const found = rows as { key: string; data: string; left: number }[];
    return found.map(({ key, data, left }) => ({ key, data: fromColumn(data), left }));
  }

  async writeRow(key: string, version: string, data: string, milliseconds: number): Promise<void> {
    await this.change('writeRow', key, version, toColumn(data), Math.ceil(milliseconds));
  }

  async deleteRow(key: string): Promise<void> {
    await this.change('deleteRow', key);
  }

  /** Checks that the file is writable: a read can succeed where a write fails. */
  async ping(): Promise<void> {
    await this.change('deleteRow', '');
  }

  close(): Promise<void> {
    this.cleanUp.stop();
    this.prepared = { statements: new Map() };
    this.database.close();
    return Promise.resolve();
  }

  private async row(key: string): Promise<Row | undefined> {
    const [row] = await this.ask('find', key);
    return row as Row | undefined;
  }

  private ask(name: StatementName, value: string): Promise<Record<string, unknown>[]> {
    this.cleanUp.start();
    return this.database.read((connection) => this.statement(connection, name).all(value));
  }

  private change(name: StatementName, ...values: (string | number)[]): Promise<number> {
    this.cleanUp.start();
    return this.database.write((connection) =>
      Number(this.statement(connection, name).run(...values).changes),
    );
  }

  private statement(connection: SqliteConnection, name: StatementName): SqliteStatement {
    if (this.prepared.by !== connection) {
      this.prepared = { by: connection, statements: new Map() };
    }
    const { statements } = this.prepared;
    let statement = statements.get(name);
    if (!statement) {
      statement = connection.prepare(STATEMENTS[name].replaceAll('{table}', this.table));
      statements.set(name, statement);
    }
    return statement;
  }
}
