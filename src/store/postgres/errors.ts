/** What Postgres, or the way to it, has answered. It tells no more than its message: details show rows. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';

  constructor(
    message: string,
    /** SQLSTATE. Absent: the server has not answered. */
    readonly sqlState?: string,
  ) {
    super(message);
  }
}

const READ_ONLY = '25006';
const PREPARED_STATEMENT_GONE = '26000';

/** Concurrent changes, where a stricter isolation than the default is set: the statement may be repeated. */
const CONFLICTS = ['40001', '40P01'];

/** What to do about errors that do not go away by themselves. */
const REMEDIES: Readonly<Record<string, string>> = {
  [READ_ONLY]: 'sessions need the primary: give its address, not that of a replica',
  [PREPARED_STATEMENT_GONE]: 'a pooler is in between: give prepared: false',
  '42P01': 'make the table with postgresMigration(), or give migrate: true',
  '42703':
    'the table is not one of sessions: give another name, and make it with postgresMigration()',
  '42501': 'the role needs SELECT, INSERT, UPDATE and DELETE on the table of sessions',
  '42P05': 'a pooler is in between: give prepared: false',
  '22021': 'the database has to be one with the encoding UTF8',
  '22P05': 'the database has to be one with the encoding UTF8',
};

const MAX_CAUSES = 3;

/** The same in words that are fit for a log. */
export function postgresError(error: unknown): PostgresError {
  if (error instanceof PostgresError) return error;
  const sqlState = sqlStateOf(error);
  const message = messageOf(error);
  if (sqlState === undefined) return new PostgresError(message);
  const remedy = REMEDIES[sqlState];
  return new PostgresError(`${message} (${sqlState})${remedy ? `: ${remedy}` : ''}`, sqlState);
}

export function isConflict({ sqlState = '' }: PostgresError): boolean {
  return CONFLICTS.includes(sqlState);
}

/** The connection should not be used again, as it is broken, or leads to the wrong server. */
export function spoilsConnection({ sqlState }: PostgresError): boolean {
  if (sqlState === undefined || /^(08|57P)/.test(sqlState)) return true;
  return [READ_ONLY, PREPARED_STATEMENT_GONE].includes(sqlState);
}

/** Errors of the network have a code, too, but no severity. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

function messageOf(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: unknown[] };
  if (typeof message === 'string' && message !== '') return message;
  // Of a host name with several addresses.
  const causes = Array.isArray(errors) ? errors.slice(0, MAX_CAUSES).map(messageOf) : [];
  return causes.join(', ') || 'Postgres cannot be reached';
}
