import { SessionOptionsError } from '../../session/errors.js';

/** What is used of Node's own module; its types come with later versions of Node than the oldest one here. */
export interface SqliteModule {
  readonly DatabaseSync: new (path: string) => SqliteConnection;
}

export interface SqliteConnection {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

export interface SqliteStatement {
  all(...values: (string | number)[]): Record<string, unknown>[];
  run(...values: (string | number)[]): { readonly changes: number | bigint };
}

/** @throws SessionOptionsError if this Node.js has no SQLite */
export function sqliteModule(): SqliteModule {
  const found = process.getBuiltinModule?.('node:sqlite') as SqliteModule | undefined;
  if (found) return found;
  throw new SessionOptionsError(
    'sqlite',
    `sqliteStore() uses the SQLite of Node.js, which is there from Node.js 22.13 on; this is ` +
      `${process.versions.node}. Use a later Node.js, or postgresStore()`,
  );
}

const BUSY = 5;
const LOCKED = 6;

/** Another process is writing, or opening the file after a crash; it will be done soon. */
export function isBusy(error: unknown): boolean {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === 'number' && [BUSY, LOCKED].includes(errcode & 0xff);
}

/** What SQLite has answered. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
}

/** In words that are fit for a log: SQLite names tables and columns, and no values. */
export function sqliteError(error: unknown): SqliteError {
  const { message } = (error ?? {}) as { message?: unknown };
  return new SqliteError(typeof message === 'string' ? message : 'SQLite has failed');
}
