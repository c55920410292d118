import { withSqlite } from '../../support/node-with-sqlite.js';
import { openSqliteStore, sqliteRowsTier } from '../../support/sqlite-store.js';
import { describeStore } from '../../support/store-contract.js';
import { openTiered } from '../../support/stores.js';

withSqlite('test/store/sqlite/contract.spec.ts', () => {
  describeStore('SQLite', openSqliteStore);
  describeStore(
    'memcached with an SQLite table behind it',
    () => openTiered(sqliteRowsTier),
    'versions',
  );
});
