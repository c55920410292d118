import { describeStore } from '../support/store-contract.js';
import { openMemcached, openMemory, openPostgres } from '../support/stores.js';

describeStore('the memory of the process', openMemory);
describeStore('memcached', () => openMemcached());
describeStore('Postgres, by Keyv', openPostgres);
