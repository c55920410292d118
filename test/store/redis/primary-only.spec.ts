import { describe, expect, it, jest } from '@jest/globals';
import { Cluster as IoCluster } from 'ioredis';
import { Cluster as ValkeyCluster } from 'iovalkey';
import { createCluster } from 'redis';
import { createCluster as createCluster5 } from 'redis-5';

import { linksLike } from '../../../src/store/redis/client.js';

const nodes = [{ host: '127.0.0.1', port: 7000 }];
const rootNodes = [{ url: 'redis://127.0.0.1:7000' }];

/** Each would read from replicas. */
const clusters: [string, () => { duplicate: (...given: never[]) => unknown }][] = [
  ['ioredis', () => new IoCluster(nodes, { lazyConnect: true, scaleReads: 'slave' })],
  ['iovalkey', () => new ValkeyCluster(nodes, { lazyConnect: true, scaleReads: 'slave' })],
  ['redis', () => createCluster({ rootNodes, useReplicas: true })],
  ['redis 5', () => createCluster5({ rootNodes, useReplicas: true })],
];

describe('a Redis Cluster', () => {
  it.each(clusters)('is never asked by its replicas, with %s', (_name, make) => {
    const client = make();
    const duplicates = jest.spyOn(client, 'duplicate');
    linksLike(client, { timeout: 500 })!(() => undefined).destroy();
    const own = duplicates.mock.results[0]!.value as {
      options?: { scaleReads?: string };
      _options?: { useReplicas?: boolean };
    };
    if (own._options) expect(own._options.useReplicas).toBe(false);
    else expect(own.options?.scaleReads).toBe('master');
  });
});
