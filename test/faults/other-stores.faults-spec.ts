import { describe } from '@jest/globals';

import { applicationFaults } from './application-faults.js';
import { testFaults } from './fault-tests.js';
import { startPostgresWorld, startRedisWorld, startValkeyWorld } from './other-worlds.js';
import { postgresFaults } from './postgres-faults.js';
import { redisFaults, valkeyFaults } from './redis-faults.js';
import { halfOpen, tcpFaults } from './tcp-faults.js';

/** The connections of `postgresStore()`: with one reply after the other on each, longer delays would add up. */
const POSTGRES_CONNECTIONS = 10;

describe('Redis:', () => {
  testFaults({
    faults: [...redisFaults(), ...tcpFaults([50, 300]), ...applicationFaults()],
    startWorld: startRedisWorld,
    store: { name: 'Redis', peers: ['connect-redis', 'redis'] },
  });
});

describe('Valkey:', () => {
  testFaults({ faults: [...valkeyFaults(), halfOpen], startWorld: startValkeyWorld });
});

describe('Postgres:', () => {
  testFaults({
    faults: [...postgresFaults(), ...tcpFaults([20]), ...applicationFaults()],
    startWorld: startPostgresWorld,
    store: { name: 'Postgres', peers: ['connect-pg-simple', 'pg'] },
    maxConnections: POSTGRES_CONNECTIONS,
  });
});
