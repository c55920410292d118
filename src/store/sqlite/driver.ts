import { SessionOptionsError } from '../../session/errors.js';

/** The part of `node:sqlite` that is used. The oldest supported Node.js has no types for it. */
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

/** Whether another process is writing, or recovering the file after a crash: a retry will succeed soon. */
export function isBusy(error: unknown): boolean {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === 'number' && [BUSY, LOCKED].includes(errcode & 0xff);
}

/** An error of SQLite. */
export class SqliteError extends Error {
  override readonly name = 'SqliteError';
}

/** Converts an error to one that can be logged safely: SQLite names tables and columns, but no values. */
export function sqliteError(error: unknown): SqliteError {
  const { message } = (error ?? {}) as { message?: unknown };
  return new SqliteError(typeof message === 'string' ? message : 'SQLite has failed');
}
