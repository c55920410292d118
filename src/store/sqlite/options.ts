import { refuseUnknownOptions, requireWholeNumber } from '../../session/option-checks.js';
import { SessionOptionsError } from '../../session/errors.js';
import { printable } from '../../session/printable.js';

/** Where and how sessions are stored in SQLite. */
export interface SqliteOptions {
  /** The path of the database file. Its folder must exist. */
  readonly path: string;
  /** The table's name. The table is created if it does not exist. Default `'nest_sessions'`. */
  readonly table?: string;
  /** How long an operation may wait for other processes, in milliseconds. Default 2000. */
  readonly timeout?: number;
  /** The interval in seconds at which this process removes expired rows; `false`: never. Default 60. */
  readonly cleanUpEvery?: number | false;
  /**
   * `'full'`, the default: stored sessions survive a power failure. `'normal'`: writes are faster, but a
   * power failure may undo the last ones. Both survive a crash of the process.
   */
  readonly synchronous?: 'full' | 'normal';
}

/** The path of the database file, or options. */
export type SqliteLocation = string | SqliteOptions;

const DEFAULT_TIMEOUT = 2000;
const DEFAULT_CLEAN_UP = 60;
const MAX_CLEAN_UP = 86_400;

const KNOWN = ['path', 'table', 'timeout', 'cleanUpEvery', 'synchronous'];
const FOREIGN_OPTIONS = {
  filename: 'did you mean path?',
  file: 'did you mean path?',
  uri: 'did you mean path?',
  busyTimeout: 'did you mean timeout?',
  ttl: 'did you mean the option timeout of SessionModule?',
};

/** @throws SessionOptionsError that names the first wrong option */
export function checkSqliteOptions(location: SqliteLocation): Required<SqliteOptions> {
  const options = typeof location === 'string' ? { path: location } : location;
  refuseUnknownOptions(options, KNOWN, 'sqlite', FOREIGN_OPTIONS);
  const { path, table = 'nest_sessions', timeout = DEFAULT_TIMEOUT } = options;
  const { cleanUpEvery = DEFAULT_CLEAN_UP, synchronous = 'full' } = options;
  if (typeof path !== 'string' || path === '' || path === ':memory:' || path.includes('\0')) {
    throw new SessionOptionsError('sqlite.path', 'give the path of a file');
  }
  if (typeof table !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(table)) {
    throw new SessionOptionsError(
      'sqlite.table',
      `give a name of letters, digits and underscores, not ${printable(table)}`,
    );
  }
  requireWholeNumber('sqlite.timeout', timeout, { unit: 'milliseconds', from: 1, to: 60_000 });
  if (cleanUpEvery !== false) {
    const range = { unit: 'seconds', from: 1, to: MAX_CLEAN_UP };
    requireWholeNumber('sqlite.cleanUpEvery', cleanUpEvery, range);
  }
  if (!['full', 'normal'].includes(synchronous)) {
    throw new SessionOptionsError('sqlite.synchronous', "give 'full' or 'normal'");
  }
  return { path, table, timeout, cleanUpEvery, synchronous };
}
