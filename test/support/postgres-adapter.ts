import KeyvPostgres from '@keyv/postgres';
import { Pool } from 'pg';

/**
 * With a pool of its own, for two reasons: that of `@keyv/postgres` is one for the whole process, and
 * it has no listener for errors, so that the process ends when the database closes an idle connection.
 */
export class PostgresAdapter extends KeyvPostgres {
  declare private pool: Pool;

  override connect(): ReturnType<KeyvPostgres['connect']> {
    const pool = new Pool({ connectionString: this.opts.uri!, ...this.opts });
    pool.on('error', () => undefined);
    this.pool = pool;
    return Promise.resolve(
      async (sql: string, values?: unknown[]) => (await pool.query(sql, values)).rows as unknown[],
    );
  }

  override disconnect(): Promise<void> {
    return this.pool.end();
  }
}
