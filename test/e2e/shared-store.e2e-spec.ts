import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Cache } from 'cache-manager';
import type { Keyv } from 'keyv';
import type { AddressInfo } from 'node:net';

import {
  memcachedStore,
  Session,
  SessionModule,
  SessionMonitor,
  type SessionModuleOptions,
} from '../../src/index.js';
import { visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { LogRecord } from '../support/session-app.js';

@Controller()
class VisitsController {
  @Get()
  visit(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }
}

let memcached: Memcached;
let store: Keyv;
const apps: INestApplication[] = [];

beforeEach(async () => {
  memcached = await startMemcached();
  store = memcachedStore({ servers: memcached.server, timeout: 200 });
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await memcached.stop();
});

type Sessions = (options?: SessionModuleOptions) => unknown[];

/** An application that keeps its sessions in the one store. */
async function start(sessions: Sessions, options?: SessionModuleOptions) {
  @Module({ imports: sessions(options) as never[], controllers: [VisitsController] })
  class AppModule {}

  const logged = new LogRecord();
  const app = await NestFactory.create(AppModule, { logger: logged, abortOnError: false });
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const close = async () => {
    apps.splice(apps.indexOf(app), 1);
    await app.close();
  };
  return {
    close,
    logged,
    monitor: app.get(SessionMonitor),
    visitor: () => visitor(`http://127.0.0.1:${port}`),
  };
}

/** Connections that memcached was asked for while something was done. */
async function connectionsOf(work: () => Promise<unknown>): Promise<number> {
  const total = async () => Number((await memcached.stats()).total_connections);
  const before = await total();
  await work();
  return (await total()) - before - 1; // the one that asked
}

const ways: [string, Sessions][] = [
  ['as the option stores', (options) => [SessionModule.forRoot({ stores: [store], ...options })]],
  [
    'in a cache of the application',
    (options) => [
      CacheModule.register({ isGlobal: true, stores: [store] }),
      SessionModule.forRootAsync({
        inject: [CACHE_MANAGER],
        useFactory: (cache: Cache) => ({ cache, ...options }),
      }),
    ],
  ],
];

describe.each(ways)('one memcachedStore(), %s', (_way, sessions) => {
  it('serves one application after another, each over one connection', async () => {
    for (let turn = 1; turn <= 3; turn++) {
      const app = await start(sessions);
      const somebody = app.visitor();
      const made = await connectionsOf(async () => {
        for (let visits = 1; visits <= 10; visits++) {
          expect((await somebody.get('/')).json).toEqual({ visits });
        }
      });
      expect(made).toBeLessThanOrEqual(1);
      await app.close();
    }
    expect(Number((await memcached.stats()).curr_connections)).toBeLessThanOrEqual(2);
  });

  it('reports an outage to the second application, with a circuit breaker', async () => {
    const first = await start(sessions);
    await first.visitor().get('/');
    await first.close();
    const second = await start(sessions);
    const somebody = second.visitor();
    expect((await somebody.get('/')).status).toBe(200);
    await memcached.kill();
    for (let times = 0; times < 6; times++) {
      expect((await somebody.get('/')).status).toBe(503);
    }
    expect(second.monitor.servers).toEqual([{ server: memcached.server, state: 'down' }]);
    expect(second.logged.errors).toEqual([expect.stringContaining('The session store is failing')]);
    expect(first.logged.errors).toEqual([]);
    memcached = await startMemcached({ port: memcached.port });
    while (second.monitor.servers[0]!.state === 'down') await delay(5);
    expect(second.logged.warnings).toEqual([expect.stringContaining('The session store is back')]);
    expect((await somebody.get('/')).status).toBe(200);
  });

  it('may be used with another timeout by the next application', async () => {
    await (await start(sessions, { timeout: 60 })).close();
    const next = await start(sessions, { timeout: 61 });
    expect((await next.visitor().get('/')).json).toEqual({ visits: 1 });
  });

  it('serves two applications at a time, and one when the other has closed', async () => {
    const [first, second] = [await start(sessions), await start(sessions)];
    const somebody = first.visitor();
    await somebody.get('/');
    await second.visitor().get('/');
    await second.close();
    const made = await connectionsOf(async () => {
      for (let visits = 2; visits <= 10; visits++) {
        expect((await somebody.get('/')).json).toEqual({ visits });
      }
    });
    expect(made).toBe(0);
    await memcached.kill();
    for (let times = 0; times < 6; times++) await somebody.get('/');
    expect(first.monitor.servers).toEqual([{ server: memcached.server, state: 'down' }]);
    // Nest has one logger for all.
    expect([...first.logged.errors, ...second.logged.errors]).toHaveLength(1);
  });
});
