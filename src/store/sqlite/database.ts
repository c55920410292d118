import { closeSync, openSync } from 'node:fs';

import { isBusy, sqliteError, type SqliteConnection, type SqliteModule } from './driver.js';

interface Settings {
  readonly path: string;
  readonly synchronous: 'full' | 'normal';
  /** How long an operation may wait for other processes, in milliseconds. */
  readonly timeout: number;
  /** The SQL that creates the table. */
  readonly schema: string;
}

/** A write that waits for the next transaction. */
interface Write {
  readonly work: (connection: SqliteConnection) => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly since: number;
}

/** The maximum number of writes in one transaction, which blocks the process. */
const MAX_WRITES = 200;

/** The maximum wait in milliseconds before a retry while another process writes. The wait is random. */
const RETRY_MS = 5;

/** Only the user of this process may read and write session data. */
const PRIVATE = 0o600;

/**
 * A database file that several processes write to. Calls of SQLite are synchronous and block the process.
 * SQLite therefore never waits for another process: this class retries instead. All writes of one turn of
 * the event loop share one transaction, so that the disk is synchronized once.
 */
export class SqliteDatabase {
  private connection: SqliteConnection | undefined;
  private writes: Write[] = [];
  private isScheduled = false;

  constructor(
    private readonly sqlite: SqliteModule,
    private readonly settings: Settings,
  ) {}

  async read<T>(work: (connection: SqliteConnection) => T): Promise<T> {
    const since = performance.now();
    for (;;) {
      try {
        return work(this.open());
      } catch (error) {
        if (!this.mayRetry(error, since)) throw sqliteError(error);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * Math.random()));
    }
  }

  /** Resolves after the transaction was committed. */
  write<T>(work: (connection: SqliteConnection) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.writes.push({ work, resolve, reject, since: performance.now() });
      this.schedule(0);
    });
  }

  close(): void {
    this.connection?.close();
    this.connection = undefined;
  }

  private schedule(wait: number): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    const commit = () => {
      this.isScheduled = false;
      this.commit();
      if (this.writes.length > 0) this.schedule(RETRY_MS * Math.random());
    };
    if (wait === 0) setImmediate(commit);
    else setTimeout(commit, wait);
  }

  private commit(): void {
    const batch = this.writes.slice(0, MAX_WRITES);
    const results: unknown[] = [];
    let connection: SqliteConnection | undefined;
    let isBegun = false;
    try {
      connection = this.open();
      connection.exec('BEGIN IMMEDIATE');
      isBegun = true;
      for (const { work } of batch) results.push(work(connection));
      connection.exec('COMMIT');
    } catch (error) {
      if (isBegun) this.rollBack(connection!);
      return this.fail(error);
    }
    this.writes.splice(0, batch.length);
    batch.forEach(({ resolve }, index) => resolve(results[index] as never));
  }

  /** Retries writes of a busy database until their timeout. Any other error rejects all writes. */
  private fail(error: unknown): void {
    const failed = this.writes.filter(({ since }) => !this.mayRetry(error, since));
    this.writes = this.writes.filter((write) => !failed.includes(write));
    for (const { reject } of failed) reject(sqliteError(error));
  }

  private rollBack(connection: SqliteConnection): void {
    try {
      connection.exec('ROLLBACK');
    } catch {
      // SQLite has already rolled back.
    }
  }

  private mayRetry(error: unknown, since: number): boolean {
    return isBusy(error) && performance.now() - since < this.settings.timeout;
  }

  private open(): SqliteConnection {
    if (this.connection) return this.connection;
    const { path, synchronous, schema } = this.settings;
    makePrivate(path);
    const connection = new this.sqlite.DatabaseSync(path);
    try {
      connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; ${schema}`);
    } catch (error) {
      connection.close();
      throw error;
    }
    this.connection = connection;
    return connection;
  }
}

/** Does not open an existing file, because closing it would release the locks that SQLite holds on it. */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'ax', PRIVATE));
  } catch {
    // The file exists, or SQLite reports the error when it opens it.
  }
}
