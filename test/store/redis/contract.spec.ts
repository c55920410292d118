import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { Cluster as IoCluster, Redis as IoRedis } from 'ioredis';
import { Cluster as ValkeyCluster, Redis as IoValkey } from 'iovalkey';
import { createClient, createCluster } from 'redis';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-5';

import { redisSessionStore } from '../../../src/store/redis/store.js';
import type { RedisLocation } from '../../../src/store/redis/options.js';
import { describeSessionStore } from '../../../src/testing/contract-tests/describe.js';
import {
  startRedis,
  startRedisCluster,
  type Redis,
  type RedisCluster,
  type RedisProgram,
} from '../../support/redis.js';
import { describeStore } from '../../support/store-contract.js';
import { openRedis } from '../../support/stores.js';

const framework = { describe, it, beforeAll, afterAll } as never;
const lazy = { lazyConnect: true };

describeStore('Redis, with a URL', () => openRedis(({ url }) => [url, { url, tellOthers: true }]));

const clients: [string, (redis: Redis) => RedisLocation, RedisProgram?][] = [
  ['Redis, with a client of redis', ({ url }) => createClient({ url })],
  ['Redis, with a client of redis 5', ({ url }) => createClient5({ url })],
  [
    'Redis, with a client of redis with RESP 3',
    ({ url }) => createClient({ url, RESP: 3, clientSideCache: { ttl: 0 } }),
  ],
  ['Redis, with a client of ioredis', ({ port }) => new IoRedis(port, lazy)],
  ['Valkey, with a client of iovalkey', ({ port }) => new IoValkey(port, lazy), 'valkey-server'],
  ['Valkey, with a client of redis', ({ url }) => createClient({ url }), 'valkey-server'],
];
for (const [name, clientFor, program = 'redis-server'] of clients) {
  let redis: Redis | undefined;
  describeSessionStore(
    name,
    async () => {
      redis ??= await startRedis({ program });
      return redisSessionStore(clientFor(redis));
    },
    {
      framework,
      isThereAfter: async (key, seconds) =>
        Number(await redis!.command('PTTL', key)) > seconds * 1000,
      close: () => redis!.stop(),
    },
  );
}

const clusterClients: [string, (nodes: readonly Redis[]) => RedisLocation, RedisProgram?][] = [
  [
    'a Redis Cluster, with redis',
    (nodes) => createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) }),
  ],
  [
    'a Redis Cluster, with redis 5',
    (nodes) => createCluster5({ rootNodes: nodes.map(({ url }) => ({ url })) }),
  ],
  [
    'a Redis Cluster, with ioredis',
    (nodes) =>
      new IoCluster(
        nodes.map(({ port }) => ({ port, host: '127.0.0.1' })),
        lazy,
      ),
  ],
  [
    'a Valkey Cluster, with iovalkey',
    (nodes) =>
      new ValkeyCluster(
        nodes.map(({ port }) => ({ port, host: '127.0.0.1' })),
        lazy,
      ),
    'valkey-server',
  ],
];
for (const [name, clientFor, program] of clusterClients) {
  let cluster: RedisCluster | undefined;
  describeSessionStore(
    name,
    async () => {
      cluster ??= await startRedisCluster(program);
      return redisSessionStore(clientFor(cluster.nodes));
    },
    { framework, waits: false, close: () => cluster!.stop() },
  );
}
