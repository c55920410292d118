import { createClient } from 'redis';

import type { Fault } from './fault.js';
import type { RedisWorld } from './other-worlds.js';

const hung: Fault<RedisWorld> = {
  name: 'Redis hangs (SIGSTOP), and continues',
  async begin({ server }) {
    server.pause();
  },
  async end({ server }) {
    server.resume();
  },
};

const killed: Fault<RedisWorld> = {
  name: 'Redis is killed, and restarted empty',
  loses: 'all',
  async begin({ server }) {
    await server.kill();
  },
  async end(world) {
    world.server = await world.server.again();
  },
};

const full: Fault<RedisWorld> = {
  name: 'Redis is full, and refuses (`noeviction`)',
  refuses: 'writes',
  async begin({ server }) {
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
  },
  async end({ server }) {
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
  },
};

const demoted: Fault<RedisWorld> = {
  name: 'Redis becomes a replica, and a primary again',
  async begin({ server }) {
    await server.command('REPLICAOF', '127.0.0.1', '1');
  },
  async end({ server }) {
    await server.command('REPLICAOF', 'NO', 'ONE');
  },
};

/** Another client has the only connection that it takes. */
function outOfConnections(): Fault<RedisWorld> {
  let other: ReturnType<typeof createClient>;
  return {
    name: 'Redis is out of connections (`maxclients`)',
    isProxied: true,
    async begin({ server, proxy }) {
      other = createClient({ url: server.url });
      await other.connect();
      await other.sendCommand(['CONFIG', 'SET', 'maxclients', '1']);
      proxy.cut();
    },
    async end() {
      await other.sendCommand(['CONFIG', 'SET', 'maxclients', '10000']);
      other.destroy();
    },
  };
}

/** Valkey is the same server under another name: what shows that it is. */
export const valkeyFaults = (): Fault<RedisWorld>[] =>
  [hung, killed].map((fault) => ({ ...fault, name: fault.name.replace('Redis', 'Valkey') }));

export const redisFaults = (): Fault<RedisWorld>[] => [
  hung,
  killed,
  full,
  demoted,
  outOfConnections(),
];
