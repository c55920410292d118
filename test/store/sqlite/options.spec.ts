import { describe, expect, it } from '@jest/globals';

import { SessionOptionsError } from '../../../src/session/errors.js';
import { sqliteStore, type SqliteLocation } from '../../../src/sqlite.js';
import { hasSqlite } from '../../support/node-with-sqlite.js';

describe('the options of sqliteStore()', () => {
  it.each<[string, unknown, string]>([
    ['no path', {}, 'sqlite.path: give the path of a file'],
    ['a database in memory', ':memory:', 'sqlite.path'],
    ['SQL injection in the table', { path: 'a.db', table: 'a"; DROP TABLE b' }, 'sqlite.table'],
    ['a timeout of 0', { path: 'a.db', timeout: 0 }, 'sqlite.timeout'],
    ['an unknown value of synchronous', { path: 'a.db', synchronous: 'off' }, "'full' or 'normal'"],
    ['another name of an option', { filename: 'a.db' }, 'did you mean path?'],
  ])('refuse %s', (_what, options, message) => {
    const give = () => sqliteStore(options as SqliteLocation);
    expect(give).toThrow(SessionOptionsError);
    expect(give).toThrow(message);
  });

  it('are accepted if Node.js has SQLite, and refused with a remedy otherwise', () => {
    const give = () => sqliteStore('sessions.db');
    if (hasSqlite()) expect(give()).toMatchObject({ name: 'sqlite' });
    else expect(give).toThrow('from Node.js 22.13 on; this is');
  });
});
