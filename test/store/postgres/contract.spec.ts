import {
  openCachedPostgres,
  openPostgresStore,
  postgresRowsTier,
} from '../../support/postgres-store.js';
import { describeStore } from '../../support/store-contract.js';
import { openTiered } from '../../support/stores.js';

describeStore('Postgres', openPostgresStore);
describeStore('Postgres, in a cache', openCachedPostgres);
describeStore(
  'memcached with a Postgres table behind it',
  () => openTiered(postgresRowsTier),
  'versions',
);
