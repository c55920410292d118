import { randomUUID } from 'node:crypto';

import type {
  SessionStore,
  StoredText,
  StoreDiagnosis,
  StoreNeeds,
} from '../../session/storage/store.js';
import { CleanUp } from '../sql/clean-up.js';
import { fromColumn, toColumn } from '../sql/text-column.js';
import type { CopyRows } from '../tier/row-copies.js';
import { PostgresConnections } from './connections.js';
import { postgresError } from './errors.js';
import type { CheckedPostgresOptions, PostgresResult } from './options.js';
import { PostgresStatements, type StatementName } from './statements.js';
import { postgresMigration } from './table.js';

/** The advisory lock that allows one process at a time to create the table. An arbitrary number. */
const MIGRATION_LOCK = 7_305_814_226_019;

const ABOUT_THE_SERVER = `SELECT current_setting('server_version') AS version,
  current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS read_only`;

/** A session store in a Postgres table. As the second of two stores, it keeps copies. */
export class PostgresStore implements SessionStore, CopyRows {
  readonly name = 'postgres';
  readonly timeout: number;
  readonly maxParallel: number;
  private readonly connections: PostgresConnections;
  private readonly statements: PostgresStatements;
  private readonly cleanUp: CleanUp;
  private migrating: Promise<unknown> | undefined;

  constructor(private readonly options: CheckedPostgresOptions) {
    this.timeout = options.timeout;
    this.maxParallel = options.maxConnections;
    this.connections = new PostgresConnections(options);
    this.statements = new PostgresStatements(options.table.quoted, options.prepared);
    this.cleanUp = new CleanUp(options.cleanUpEvery, () => this.change('cleanUp', []));
  }

  async find(key: string, renewTo = 0): Promise<StoredText | undefined> {
    const { rows } = await this.ask('find', [key, renewTo]);
    const [row] = rows as { version: string; data: string; left: number }[];
    if (!row) return undefined;
    const found = { text: fromColumn(row.data), version: row.version };
    return renewTo > 0 ? found : { ...found, lifeLeft: row.left };
  }

  async create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    const changed = await this.change('create', [key, newVersion(), toColumn(text), lifeSeconds]);
    return changed > 0 ? 'stored' : 'taken';
  }

  async update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): Promise<'stored' | 'changed' | 'gone'> {
    const values = [key, version, newVersion(), toColumn(text), lifeSeconds];
    if ((await this.change('update', values)) > 0) return 'stored';
    return (await this.find(key)) ? 'changed' : 'gone';
  }

  async remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    if ((await this.change('remove', [key, version])) > 0) return 'removed';
    return (await this.find(key)) ? 'changed' : 'gone';
  }

  async readRows(keys: readonly string[]): ReturnType<CopyRows['readRows']> {
    const { rows } = await this.ask('readRows', [keys]);
    const found = rows as { key: string; data: string; left: number }[];
    return found.map(({ key, data, left }) => ({ key, data: fromColumn(data), left }));
  }

  async writeRow(key: string, version: string, data: string, milliseconds: number): Promise<void> {
    await this.change('writeRow', [key, version, toColumn(data), milliseconds]);
  }

  async deleteRow(key: string): Promise<void> {
    await this.change('deleteRow', [key]);
  }

  async ping(): Promise<void> {
    await this.find('');
  }

  reconnect(): void {
    this.connections.distrust();
  }

  async diagnose(_needs: StoreNeeds): Promise<StoreDiagnosis> {
    const { rows } = await this.connections.run({ text: ABOUT_THE_SERVER });
    const about = rows[0] as { version: string; encoding: string; read_only: string };
    const version = about.version.split(' ')[0]!;
    if (about.read_only === 'on') {
      const problem = "It is read-only, as a replica is. Give the primary's address.";
      return { version, problem };
    }
    // SQL_ASCII stores bytes unchanged, and thus also UTF-8.
    if (!['UTF8', 'SQL_ASCII'].includes(about.encoding)) {
      const problem = `The database's encoding is ${about.encoding}. Give one with the encoding UTF8.`;
      return { version, problem };
    }
    try {
      await this.ping();
      return { version };
    } catch (error) {
      const { sqlState, message } = postgresError(error);
      if (sqlState === undefined) throw error;
      return { version, problem: `It says: ${message}.` };
    }
  }

  async close(): Promise<void> {
    this.cleanUp.stop();
    this.migrating = undefined;
    await this.connections.close();
  }

  private async ask(name: StatementName, values: unknown[]): Promise<PostgresResult> {
    await this.prepareTable();
    return this.connections.run(this.statements.of(name, values));
  }

  private async change(name: StatementName, values: unknown[]): Promise<number> {
    await this.prepareTable();
    return (await this.connections.run(this.statements.of(name, values))).rowCount ?? 0;
  }

  private prepareTable(): Promise<unknown> | undefined {
    this.cleanUp.start();
    if (!this.options.migrate) return undefined;
    this.migrating ??= this.migrate().catch((error: unknown) => {
      this.migrating = undefined;
      throw error;
    });
    return this.migrating;
  }

  /** Needs no right to create tables if the table exists. Statements in one text run in one transaction. */
  private async migrate(): Promise<void> {
    const { tableName, table } = this.options;
    const text = `SELECT to_regclass($1) IS NOT NULL AS "isThere"`;
    const { rows } = await this.connections.run({ text, values: [table.quoted] });
    if (rows[0]?.isThere === true) return;
    const locked = `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK}); ${postgresMigration(tableName)}`;
    await this.connections.run({ text: locked });
  }
}

/** A version that no record has had, in any process. */
function newVersion(): string {
  return randomUUID();
}
