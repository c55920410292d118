import { withSqlite } from '../../support/node-with-sqlite.js';
import { openSqliteStore } from '../../support/sqlite-store.js';
import { describeStore } from '../../support/store-contract.js';

withSqlite('test/store/sqlite/contract.spec.ts', () => {
  describeStore('SQLite', () => openSqliteStore());
});
