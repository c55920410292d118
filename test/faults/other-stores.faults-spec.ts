import { describe } from '@jest/globals';

import { applicationFaults } from './application-faults.js';
import { testFaults } from './fault-tests.js';
import { startPostgresWorld, startRedisWorld } from './other-worlds.js';
import { postgresFaults } from './postgres-faults.js';
import { redisFaults } from './redis-faults.js';
import { tcpFaults } from './tcp-faults.js';

/** The connections of `postgresStore()`: with one reply after the other on each, longer delays would add up. */
const POSTGRES_CONNECTIONS = 10;

describe('Redis:', () => {
  testFaults({
    faults: [...redisFaults(), ...tcpFaults([50, 300]), ...applicationFaults()],
    startWorld: startRedisWorld,
    store: { name: 'Redis', peers: ['connect-redis', 'redis'] },
  });
});

describe('Postgres:', () => {
  testFaults({
    faults: [...postgresFaults(), ...tcpFaults([20]), ...applicationFaults()],
    startWorld: startPostgresWorld,
    store: { name: 'Postgres', peers: ['connect-pg-simple', 'pg'] },
    maxConnections: POSTGRES_CONNECTIONS,
  });
});
