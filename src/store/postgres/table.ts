import { SessionOptionsError } from '../../session/errors.js';
import { printable } from '../../session/printable.js';

/** The maximum length of a name in Postgres, in bytes. */
const MAX_NAME = 63;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const DEFAULT_TABLE = 'nest_sessions';

/** A table's name, checked and quoted for SQL. */
export interface TableName {
  readonly quoted: string;
  /** The name of the index for expired rows. It is in the table's schema. */
  readonly index: string;
}

/** @throws SessionOptionsError for an invalid name */
export function tableName(table: unknown): TableName {
  const parts = typeof table === 'string' ? table.split('.') : [];
  const areNames = parts.every((part) => NAME.test(part) && part.length <= MAX_NAME);
  if (!areNames || parts.length === 0 || parts.length > 2) {
    throw new SessionOptionsError(
      'postgres.table',
      "give a name of letters, digits and underscores, or one with its schema, as 'app.sessions', " +
        `not ${printable(table)}`,
    );
  }
  const ending = '_expires_at';
  const index = parts.at(-1)!.slice(0, MAX_NAME - ending.length) + ending;
  return { quoted: parts.map((part) => `"${part}"`).join('.'), index: `"${index}"` };
}

/**
 * Returns the SQL that creates the table of sessions and its index, for your migrations. It can be run
 * repeatedly.
 *
 * @param table as the option `table` of `postgresStore()`; default `nest_sessions`. The name is quoted, so
 *   its case matters.
 * @throws SessionOptionsError for an invalid name
 */
export function postgresMigration(table: string = DEFAULT_TABLE): string {
  const { quoted, index } = tableName(table);
  // Free space in each page, and an `expires_at` that most writes keep, allow updates without index changes.
  return `CREATE TABLE IF NOT EXISTS ${quoted} (
  key text COLLATE "C" PRIMARY KEY,
  version text COLLATE "C" NOT NULL,
  data text NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS ${index} ON ${quoted} (expires_at);
`;
}
