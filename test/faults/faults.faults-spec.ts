import { applicationFaults } from './application-faults.js';
import { connectionFaults } from './connection-faults.js';
import { testFaults } from './fault-tests.js';
import { memcachedFaults } from './memcached-faults.js';
import { startMemcachedWorld } from './memcached-world.js';

testFaults({
  faults: [...memcachedFaults(), ...connectionFaults(), ...applicationFaults()],
  startWorld: startMemcachedWorld,
  store: { name: 'memcached', peers: ['connect-memcached'] },
  countsCommands: true,
});
