/** An error of Postgres or of the connection. Contains only the message, because details can show rows. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';

  constructor(
    message: string,
    /** The SQLSTATE. Absent: the server did not answer. */
    readonly sqlState?: string,
  ) {
    super(message);
  }
}

const READ_ONLY = '25006';
const PREPARED_STATEMENT_GONE = '26000';

/** Serialization failures and deadlocks of a stricter isolation level: the statement can be repeated. */
const CONFLICTS = ['40001', '40P01'];

/** Remedies of permanent errors. */
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

/** Converts an error to one that can be logged safely. */
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

/** Whether the connection must not be used again: it is broken, or connected to the wrong server. */
export function spoilsConnection({ sqlState }: PostgresError): boolean {
  if (sqlState === undefined || /^(08|57P)/.test(sqlState)) return true;
  return [READ_ONLY, PREPARED_STATEMENT_GONE].includes(sqlState);
}

/** Network errors also have a `code`, but no `severity`. */
function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}

function messageOf(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: unknown[] };
  if (typeof message === 'string' && message !== '') return message;
  // An AggregateError: the host name has several addresses.
  const causes = Array.isArray(errors) ? errors.slice(0, MAX_CAUSES).map(messageOf) : [];
  return causes.join(', ') || 'Postgres cannot be reached';
}
