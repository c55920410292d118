import { describeStore } from '../support/store-contract.js';
import {
  openMemcached,
  openMemory,
  openPostgres,
  openTiered,
  postgresTier,
  sqliteTier,
} from '../support/stores.js';

describeStore('the memory of the process', openMemory);
describeStore('memcached', () => openMemcached());
describeStore('Postgres, by Keyv', openPostgres);
describeStore('memcached with Postgres behind it', () => openTiered(postgresTier));
describeStore('memcached with SQLite behind it', () => openTiered(sqliteTier));
