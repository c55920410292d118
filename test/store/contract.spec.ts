import { describeStore } from '../support/store-contract.js';
import {
  contractTier,
  openContract,
  openMemcached,
  openMemory,
  openPostgres,
  openTiered,
  postgresTier,
  sqliteTier,
} from '../support/stores.js';

describeStore('the memory of the process', openMemory);
describeStore('memcached', () => openMemcached());
describeStore('Postgres, by Keyv', openPostgres, 'processes');
describeStore('a store of the contract', openContract);
describeStore(
  'memcached with a store of the contract behind it',
  () => openTiered(contractTier),
  'versions',
);
describeStore('memcached with Postgres behind it', () => openTiered(postgresTier), 'versions');
describeStore('memcached with SQLite behind it', () => openTiered(sqliteTier), 'versions');
