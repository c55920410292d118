import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Redis as IoRedis } from 'ioredis';
import { Redis as IoValkey } from 'iovalkey';
import { createSentinel } from 'redis';
import { createSentinel as createSentinel5 } from 'redis-5';

import { Session } from '../../src/index.js';
import { redisStore, type RedisClient } from '../../src/redis.js';
import type { Visitor } from '../support/http-client.js';
import type { Redis } from '../support/redis.js';
import { startRedisWithSentinel, type RedisWithSentinel } from '../support/redis-sentinel.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class VisitsController {
  @Get()
  look(@Session() session: Session) {
    return { visits: session.get('visits') ?? null };
  }

  @Post()
  visit(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }
}

interface Client {
  readonly client: RedisClient;
  close(): unknown;
}

type MakeClient = (servers: RedisWithSentinel) => Client;

const ioRedis =
  (Redis: typeof IoRedis | typeof IoValkey): MakeClient =>
  ({ name, sentinel }) => {
    const client = new Redis({ name, sentinels: [sentinel], lazyConnect: true });
    return { client, close: () => client.disconnect() };
  };

/** This package connects it, and leaves it open: it is the application's. */
const nodeRedis =
  (create: typeof createSentinel): MakeClient =>
  ({ name, sentinel }) => {
    const client = create({ name, sentinelRootNodes: [sentinel] });
    return { client, close: () => client.destroy() };
  };

const CLIENTS: Readonly<Record<string, MakeClient>> = {
  ioredis: ioRedis(IoRedis),
  iovalkey: ioRedis(IoValkey),
  'redis 6': nodeRedis(createSentinel),
  'redis 5': nodeRedis(createSentinel5 as unknown as typeof createSentinel),
};

/** Milliseconds: half a second until Sentinel notices, then its failover, on a busy machine. */
const FAILOVER = 20_000;

describe('sessions in Redis with Sentinel', () => {
  const cleanUps: (() => unknown)[] = [];

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function start(): Promise<{ servers: RedisWithSentinel; visitors: Map<string, Visitor> }> {
    const servers = await startRedisWithSentinel();
    cleanUps.push(() => servers.stop());
    const visitors = new Map<string, Visitor>();
    for (const [name, makeClient] of Object.entries(CLIENTS)) {
      const made = makeClient(servers);
      cleanUps.push(() => made.close());
      const app: SessionApp = await startSessionApp({
        controllers: [VisitsController],
        options: { stores: redisStore(made.client) },
      });
      cleanUps.push(() => app.close());
      const visitor = app.visitor();
      expect((await visitor.post('/')).json).toEqual({ visits: 1 });
      visitors.set(name, visitor);
    }
    await servers.replicate();
    return { servers, visitors };
  }

  /** Waits until the session can be used again. Until then each answer may be a 503, and nothing else. */
  async function goesOn(visitor: Visitor): Promise<void> {
    const begun = performance.now();
    for (;;) {
      const { status, json } = await visitor.post('/');
      if (status === 201) return expect(json.visits).toBeGreaterThan(1);
      expect(status).toBe(503);
      expect(performance.now() - begun).toBeLessThan(FAILOVER);
    }
  }

  it('continue after the primary was killed, with each client', async () => {
    const { servers, visitors } = await start();
    await servers.primary.kill();
    await Promise.all([...visitors.values()].map(goesOn));
    expect(await isPrimary(servers.replica)).toBe(true);
  });

  it('continue after primary and replica were exchanged, with each client', async () => {
    const { servers, visitors } = await start();
    await servers.exchange();
    while (!(await isPrimary(servers.replica)));
    await Promise.all([...visitors.values()].map(goesOn));
  });
});

/** While their roles are exchanged, a server breaks off all connections. */
async function isPrimary(redis: Redis): Promise<boolean> {
  const info = await redis.command('INFO', 'replication').catch(() => '');
  return String(info).includes('role:master');
}
