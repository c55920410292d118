import { openPostgresStore } from '../../support/postgres-store.js';
import { describeStore } from '../../support/store-contract.js';

describeStore('Postgres', () => openPostgresStore());
