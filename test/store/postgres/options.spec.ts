import { describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';

import { postgresMigration, postgresStore, type PostgresLocation } from '../../../src/postgres.js';
import { SessionOptionsError } from '../../../src/session/errors.js';

const connectionString = 'postgresql://app:hunter2@127.0.0.1/app';

describe('the options of postgresStore()', () => {
  it.each<[string, PostgresLocation]>([
    ['a connection string', connectionString],
    ['the same as an option', { connectionString }],
    ['a pool', new Pool()],
    ['the same as an option', { pool: new Pool({ max: 3 }), table: 'app.Sessions' }],
  ])('accept %s', (_what, location) => {
    expect(postgresStore(location)).toMatchObject({ name: 'postgres', timeout: 500 });
  });

  it('allow as many parallel operations as connections', () => {
    expect(postgresStore({ connectionString, maxConnections: 7 }).maxParallel).toBe(7);
    expect(postgresStore(new Pool({ max: 3 })).maxParallel).toBe(3);
  });

  it.each<[string, object, string]>([
    ['nothing', {}, 'postgres: give either connectionString or pool'],
    ['both', { connectionString, pool: new Pool() }, 'postgres: give either'],
    [
      'a URL of another database',
      { connectionString: 'mysql://hunter2@host' },
      'postgres.connectionString',
    ],
    ['several hosts', { connectionString: 'postgres://u:hunter2@a,b/app' }, 'give one host'],
    ['no pool', { pool: {} }, 'postgres.pool'],
    [
      'a pool and an option of the pool',
      { pool: new Pool(), ssl: true },
      'postgres.ssl: it is an option',
    ],
    [
      'SQL injection in the table',
      { connectionString, table: 'a"; DROP TABLE b' },
      'postgres.table',
    ],
    ['three parts of a table', { connectionString, table: 'a.b.c' }, 'postgres.table'],
    ['no seconds', { connectionString, cleanUpEvery: 0 }, 'postgres.cleanUpEvery'],
    ['a typing error', { connectionString, migrat: true }, 'did you mean migrate?'],
    ['an option of connect-pg-simple', { conString: 'x' }, 'did you mean connectionString?'],
  ])('refuse %s, and never show a password', (_what, options, message) => {
    const give = () => postgresStore(options);
    expect(give).toThrow(SessionOptionsError);
    expect(give).toThrow(message);
    expect(give).not.toThrow('hunter2');
  });

  it('give the migration a quoted table name, and an index in the same schema', () => {
    const sql = postgresMigration('app.Sessions');
    expect(sql).toContain('CREATE TABLE IF NOT EXISTS "app"."Sessions" (');
    expect(sql).toContain('CREATE INDEX IF NOT EXISTS "Sessions_expires_at" ON "app"."Sessions"');
    const longest = postgresMigration('x'.repeat(63));
    expect(longest).toContain(`INDEX IF NOT EXISTS "${'x'.repeat(52)}_expires_at"`);
  });
});
