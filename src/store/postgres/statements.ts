import { createHash } from 'node:crypto';

import { BATCH } from '../sql/clean-up.js';
import { LIFE_TOLERANCE, RENEWAL_SLACK } from '../sql/life.js';
import type { PostgresQuery } from './options.js';

/**
 * The statements for one table, each a transaction of its own. Times are those of the server.
 *
 * Those that only read have an `UPDATE`, too, which finds nothing to do: a replica refuses them for it,
 * instead of answering what was true some time ago.
 */
const STATEMENTS = {
  /** `$2`: seconds; 0: not renewed. */
  find: `
    WITH renewed AS (
      UPDATE {table} SET expires_at = now() + $2::int * ${RENEWAL_SLACK} * interval '1 second'
      WHERE key = $1 AND $2::int > 0 AND expires_at > now() AND (
        expires_at < now() + $2::int * interval '1 second' OR
        expires_at > now() + ($2::int * ${RENEWAL_SLACK} + ${LIFE_TOLERANCE}) * interval '1 second'))
    SELECT version, data, extract(epoch FROM expires_at - now())::float8 AS "left"
    FROM {table} WHERE key = $1 AND expires_at > now()`,

  /** What has expired is not there. */
  create: `
    INSERT INTO {table} AS old (key, version, data, expires_at)
    VALUES ($1, $2, $3, now() + $4::int * interval '1 second')
    ON CONFLICT (key) DO UPDATE
    SET version = excluded.version, data = excluded.data, expires_at = excluded.expires_at
    WHERE old.expires_at <= now()`,

  /** The end of its life stays if it is far enough away, and not much further: no index has to change. */
  update: `
    UPDATE {table} SET version = $3, data = $4, expires_at = CASE
      WHEN expires_at BETWEEN now() + $5::int * interval '1 second'
        AND now() + $5::int * ${RENEWAL_SLACK} * interval '1 second' THEN expires_at
      ELSE now() + $5::int * interval '1 second' END
    WHERE key = $1 AND version = $2 AND expires_at > now()`,

  remove: `DELETE FROM {table} WHERE key = $1 AND version = $2 AND expires_at > now()`,

  readRows: `
    WITH on_the_primary AS (UPDATE {table} SET version = version WHERE false)
    SELECT key, data, (extract(epoch FROM expires_at - now()) * 1000)::float8 AS "left"
    FROM {table} WHERE key = ANY ($1::text[]) AND expires_at > now()`,

  /** `$4`: milliseconds. A later version stays. */
  writeRow: `
    INSERT INTO {table} AS old (key, version, data, expires_at)
    VALUES ($1, $2, $3, now() + $4::float8 * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE
    SET version = excluded.version, data = excluded.data, expires_at = excluded.expires_at
    WHERE old.version <= excluded.version OR old.expires_at <= now()`,

  deleteRow: `DELETE FROM {table} WHERE key = $1`,

  /** Rows that another process removes are left to it. */
  cleanUp: `
    DELETE FROM {table} WHERE key = ANY (ARRAY(
      SELECT key FROM {table} WHERE expires_at <= now() ORDER BY expires_at LIMIT ${BATCH}
      FOR UPDATE SKIP LOCKED))`,
} as const;

export type StatementName = keyof typeof STATEMENTS;

/** The statements for one table. */
export class PostgresStatements {
  private readonly queries = new Map<string, { name?: string; text: string }>();

  /** `areNamed`: each connection prepares each of them once. */
  constructor(quotedTable: string, areNamed: boolean) {
    for (const [key, template] of Object.entries(STATEMENTS)) {
      const text = template.trim().replaceAll('{table}', quotedTable);
      // Of the text: a pooler, or a later version of this package, may use the same connection.
      const name = `nsm_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
      this.queries.set(key, areNamed ? { name, text } : { text });
    }
  }

  of(name: StatementName, values: unknown[]): PostgresQuery {
    return { ...this.queries.get(name)!, values };
  }
}
