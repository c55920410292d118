import { refuseUnknownOptions, requireWholeNumber } from '../../session/option-checks.js';
import { SessionOptionsError } from '../../session/errors.js';
import { DEFAULT_TABLE, tableName, type TableName } from './table.js';

/** The part of a `Pool` of the package `pg` that is used. */
export interface PostgresPool {
  /** Borrows a connection. */
  connect(): Promise<PostgresClient>;
  /** Adds a listener for new connections (`'connect'`). */
  on(event: 'connect', listener: (client: PostgresClient) => void): unknown;
  /** Removes the listener. */
  removeListener(event: 'connect', listener: (client: PostgresClient) => void): unknown;
  /** The pool's settings; `max` is its maximum number of connections. */
  readonly options?: { readonly max?: number | undefined };
}

/** The part of a pooled connection that is used. */
export interface PostgresClient {
  /** Runs a statement. */
  query(query: PostgresQuery): Promise<PostgresResult>;
  /** Returns the connection to the pool; `true` closes it. */
  release(destroy?: boolean): void;
  /** Adds a listener for errors of the connection. */
  on(event: 'error', listener: () => void): unknown;
  /** Removes the listener. */
  removeListener(event: 'error', listener: () => void): unknown;
}

/** A statement, in the format of `pg`. */
export interface PostgresQuery {
  /** The name of a prepared statement. */
  readonly name?: string;
  /** The SQL. */
  readonly text: string;
  /** Its parameters. */
  readonly values?: unknown[];
  /** The timeout of `pg` in milliseconds. */
  readonly query_timeout?: number;
}

/** The result of a statement. */
export interface PostgresResult {
  /** The rows, as objects by column name. */
  readonly rows: Record<string, unknown>[];
  /** The number of rows that the statement read or changed. */
  readonly rowCount: number | null;
}

/** Where and how sessions are stored in Postgres. Give `connectionString` or `pool`. */
export interface PostgresOptions {
  /**
   * The address of the primary, such as `'postgresql://user@host:5432/app?sslmode=verify-full'`. Sessions
   * then use separate connections, which are closed after the application's last request.
   */
  readonly connectionString?: string;
  /** The application's own `Pool` of `pg`, connected to the primary. This package never ends it. */
  readonly pool?: PostgresPool;
  /** The table, also with its schema: `'app.nest_sessions'`. Case-sensitive. Default `'nest_sessions'`. */
  readonly table?: string;
  /** Whether to create the table if it does not exist. Default `false`: see `postgresMigration()`. */
  readonly migrate?: boolean;
  /** The maximum number of connections, with `connectionString`. Default 10. */
  readonly maxConnections?: number;
  /** The option `ssl` of `pg`, with `connectionString`. */
  readonly ssl?: boolean | object;
  /** The timeout of an operation in milliseconds. Default 500. */
  readonly timeout?: number;
  /** The interval in seconds at which this process removes expired rows; `false`: never. Default 60. */
  readonly cleanUpEvery?: number | false;
  /** Whether to use prepared statements, which some poolers do not support. Default `true`. */
  readonly prepared?: boolean;
}

/** Options, a connection string, or a `Pool`. */
export type PostgresLocation = string | PostgresPool | PostgresOptions;

/** Checked options. */
export interface CheckedPostgresOptions {
  readonly connectionString?: string;
  readonly pool?: PostgresPool;
  readonly table: TableName;
  readonly tableName: string;
  readonly migrate: boolean;
  readonly maxConnections: number;
  readonly ssl?: boolean | object;
  readonly timeout: number;
  readonly cleanUpEvery: number | false;
  readonly prepared: boolean;
}

const DEFAULT_TIMEOUT = 500;
const DEFAULT_CONNECTIONS = 10;
const DEFAULT_CLEAN_UP = 60;
const MAX_CLEAN_UP = 86_400;

const KNOWN = [
  ...['connectionString', 'pool', 'table', 'migrate', 'maxConnections', 'ssl', 'timeout'],
  ...['cleanUpEvery', 'prepared'],
];

const FOREIGN_OPTIONS = {
  conString: 'did you mean connectionString?',
  conObject: 'give connectionString, or a pool of your own',
  uri: 'did you mean connectionString?',
  url: 'did you mean connectionString?',
  host: 'give connectionString, or a pool of your own',
  database: 'give connectionString, or a pool of your own',
  tableName: 'did you mean table?',
  schemaName: "it stands before the table: table: 'app.sessions'",
  schema: "it stands before the table: table: 'app.sessions'",
  createTableIfMissing: 'did you mean migrate?',
  pruneSessionInterval: 'did you mean cleanUpEvery?',
  ttl: 'did you mean the option timeout of SessionModule?',
  max: 'did you mean maxConnections?',
  useUnloggedTable: 'make such a table yourself, if a crash of Postgres may end all sessions',
};

/** @throws SessionOptionsError that names the first wrong option */
export function checkPostgresOptions(location: PostgresLocation): CheckedPostgresOptions {
  const options = optionsOf(location);
  refuseUnknownOptions(options, KNOWN, 'postgres', FOREIGN_OPTIONS);
  const { connectionString, pool, table = DEFAULT_TABLE, ssl } = options;
  const { migrate = false, prepared = true, timeout = DEFAULT_TIMEOUT } = options;
  const { maxConnections, cleanUpEvery = DEFAULT_CLEAN_UP } = options;
  if ((connectionString === undefined) === (pool === undefined)) {
    throw problem('postgres', 'give either connectionString or pool');
  }
  if (connectionString !== undefined) checkConnectionString(connectionString);
  if (pool !== undefined) {
    if (!isPool(pool)) throw problem('postgres.pool', 'give a Pool of the package pg');
    for (const [name, given] of Object.entries({ maxConnections, ssl })) {
      if (given !== undefined) throw problem(`postgres.${name}`, 'it is an option of your pool');
    }
  }
  for (const [name, flag] of Object.entries({ migrate, prepared })) {
    if (typeof flag !== 'boolean') throw problem(`postgres.${name}`, 'give true or false');
  }
  requireWholeNumber('postgres.timeout', timeout, { unit: 'milliseconds', from: 1, to: 60_000 });
  const connections = maxConnections ?? pool?.options?.max ?? DEFAULT_CONNECTIONS;
  requireWholeNumber('postgres.maxConnections', connections, { unit: 'connections', from: 1 });
  if (cleanUpEvery !== false) {
    const range = { unit: 'seconds', from: 1, to: MAX_CLEAN_UP };
    requireWholeNumber('postgres.cleanUpEvery', cleanUpEvery, range);
  }
  return {
    ...(connectionString !== undefined && { connectionString }),
    ...(pool && { pool }),
    ...(ssl !== undefined && { ssl }),
    ...{ table: tableName(table), tableName: table, migrate, prepared, timeout, cleanUpEvery },
    maxConnections: connections,
  };
}

function optionsOf(location: PostgresLocation): PostgresOptions {
  if (typeof location === 'string') return { connectionString: location };
  return isPool(location) ? { pool: location } : location;
}

function isPool(value: unknown): value is PostgresPool {
  if (typeof value !== 'object' || value === null) return false;
  const { connect, on, query } = value as Record<string, unknown>;
  return [connect, on, query].every((member) => typeof member === 'function');
}

/** No error message contains the connection string, because it can contain a password. */
function checkConnectionString(connectionString: unknown): void {
  if (typeof connectionString !== 'string' || !/^postgres(ql)?:\/\//.test(connectionString)) {
    throw problem('postgres.connectionString', "give one such as 'postgresql://host:5432/app'");
  }
  const [, , authority = ''] = connectionString.split('/');
  if (authority.slice(authority.lastIndexOf('@') + 1).includes(',')) {
    throw problem(
      'postgres.connectionString',
      'give one host, or a name that leads to the primary: pg does not try several',
    );
  }
}

function problem(option: string, text: string): SessionOptionsError {
  return new SessionOptionsError(option, text);
}
