import { createHash } from 'node:crypto';

import { BATCH } from '../sql/clean-up.js';
import { LIFE_TOLERANCE, RENEWAL_SLACK } from '../sql/life.js';
import type { PostgresQuery } from './options.js';

/**
 * The statements for one table. Each one is a separate transaction and uses the server's clock.
 *
 * Statements that only read also contain an `UPDATE` that changes no row. A replica therefore rejects them
 * instead of returning outdated rows.
 */
const STATEMENTS = {
  /** `$2`: the life to renew to, in seconds; 0: does not renew. */
  find: `
    WITH renewed AS (
      UPDATE {table} SET expires_at = now() + $2::int * ${RENEWAL_SLACK} * interval '1 second'
      WHERE key = $1 AND $2::int > 0 AND expires_at > now() AND (
        expires_at < now() + $2::int * interval '1 second' OR
        expires_at > now() + ($2::int * ${RENEWAL_SLACK} + ${LIFE_TOLERANCE}) * interval '1 second'))
    SELECT version, data, extract(epoch FROM expires_at - now())::float8 AS "left"
    FROM {table} WHERE key = $1 AND expires_at > now()`,

  /** Replaces an expired row. */
  create: `
    INSERT INTO {table} AS old (key, version, data, expires_at)
    VALUES ($1, $2, $3, now() + $4::int * interval '1 second')
    ON CONFLICT (key) DO UPDATE
    SET version = excluded.version, data = excluded.data, expires_at = excluded.expires_at
    WHERE old.expires_at <= now()`,

  /** Keeps `expires_at` if it is late enough, but not much too late, so that no index changes. */
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

  /** `$4`: the life in milliseconds. Does not replace a later version. */
  writeRow: `
    INSERT INTO {table} AS old (key, version, data, expires_at)
    VALUES ($1, $2, $3, now() + $4::float8 * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE
    SET version = excluded.version, data = excluded.data, expires_at = excluded.expires_at
    WHERE old.version <= excluded.version OR old.expires_at <= now()`,

  deleteRow: `DELETE FROM {table} WHERE key = $1`,

  /** Skips rows that another process is removing. */
  cleanUp: `
    DELETE FROM {table} WHERE key = ANY (ARRAY(
      SELECT key FROM {table} WHERE expires_at <= now() ORDER BY expires_at LIMIT ${BATCH}
      FOR UPDATE SKIP LOCKED))`,
} as const;

export type StatementName = keyof typeof STATEMENTS;

/** The statements for one table. */
export class PostgresStatements {
  private readonly queries = new Map<string, { name?: string; text: string }>();

  /** `areNamed`: whether they are prepared statements, which each connection prepares once. */
  constructor(quotedTable: string, areNamed: boolean) {
    for (const [key, template] of Object.entries(STATEMENTS)) {
      const text = template.trim().replaceAll('{table}', quotedTable);
      // The name depends on the text: another version of this package may use the same connection of a pooler.
      const name = `nsm_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
      this.queries.set(key, areNamed ? { name, text } : { text });
    }
  }

  of(name: StatementName, values: unknown[]): PostgresQuery {
    return { ...this.queries.get(name)!, values };
  }
}
