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
} from '../../support/redis.js';
import { describeStore } from '../../support/store-contract.js';
import { openRedis } from '../../support/stores.js';

const framework = { describe, it, beforeAll, afterAll } as never;
const lazy = { lazyConnect: true };

describeStore('Redis, with a URL', () => openRedis(({ url }) => [url, { url, tellOthers: true }]));

const clients: [string, (redis: Redis) => RedisLocation][] = [
  ['redis', ({ url }) => createClient({ url })],
  ['redis 5', ({ url }) => createClient5({ url })],
  ['redis with RESP 3', ({ url }) => createClient({ url, RESP: 3, clientSideCache: { ttl: 0 } })],
  ['ioredis', ({ port }) => new IoRedis(port, lazy)],
  ['iovalkey', ({ port }) => new IoValkey(port, lazy)],
];
for (const [name, clientFor] of clients) {
  let redis: Redis | undefined;
  describeSessionStore(
    `Redis, with a client of ${name}`,
    async () => {
      redis ??= await startRedis();
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

const clusterClients: [string, (nodes: readonly Redis[]) => RedisLocation][] = [
  ['redis', (nodes) => createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })],
  ['redis 5', (nodes) => createCluster5({ rootNodes: nodes.map(({ url }) => ({ url })) })],
  [
    'ioredis',
    (nodes) =>
      new IoCluster(
        nodes.map(({ port }) => ({ port, host: '127.0.0.1' })),
        lazy,
      ),
  ],
  [
    'iovalkey',
    (nodes) =>
      new ValkeyCluster(
        nodes.map(({ port }) => ({ port, host: '127.0.0.1' })),
        lazy,
      ),
  ],
];
for (const [name, clientFor] of clusterClients) {
  let cluster: RedisCluster | undefined;
  describeSessionStore(
    `a Redis Cluster, with ${name}`,
    async () => {
      cluster ??= await startRedisCluster();
      return redisSessionStore(clientFor(cluster.nodes));
    },
    { framework, waits: false, close: () => cluster!.stop() },
  );
}
