import { setTimeout as delay } from 'node:timers/promises';

import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, type DynamicModule } from '@nestjs/common';
import type { Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import { memcachedStore, Session, SessionModule } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

let gate: Gate | undefined;

@Controller()
class VisitsController {
  @Get()
  async count(@Session() session: Session) {
    const visits = session.increment('visits');
    await gate?.pass();
    return { visits };
  }
}

/** As a pool of connections: of no use once it has ended. */
class PooledAdapter extends PlainAdapter {
  ended = 0;

  disconnect(): Promise<void> {
    this.ended++;
    this.failure = new Error('Cannot use a pool after calling end on the pool');
    return Promise.resolve();
  }
}

type Places = (adapter: PooledAdapter, memcached: Memcached) => DynamicModule;

const PLACES: [string, Places][] = [
  ['a plain store', (store) => SessionModule.forRoot({ stores: new Keyv({ store }) })],
  [
    'a durable tier',
    (store, { server }) =>
      SessionModule.forRoot({ stores: [memcachedStore(server), new Keyv({ store })] }),
  ],
  [
    'a durable tier in the application’s cache',
    (store, { server }) => {
      const stores = [memcachedStore(server), new Keyv({ store })];
      @Module({ imports: [CacheModule.register({ stores })], exports: [CacheModule] })
      class AppCacheModule {}
      return SessionModule.forRootAsync({
        imports: [AppCacheModule],
        inject: [CACHE_MANAGER],
        useFactory: (cache: Cache) => ({ cache }),
      });
    },
  ],
];

describe.each(
  PLATFORMS.flatMap((platform) => PLACES.map((place) => [platform, ...place] as const)),
)(
  'a request in flight when the application is closed, on %s, sessions in %s',
  (platform, _place, sessions) => {
    let memcached: Memcached;
    let adapter: PooledAdapter;
    let app: SessionApp;

    beforeEach(async () => {
      memcached = await startMemcached();
      adapter = new PooledAdapter();
      gate = undefined;
      app = await startSessionApp({
        ...{ platform, controllers: [VisitsController], sessions: sessions(adapter, memcached) },
      });
    });

    afterEach(async () => {
      await app.close();
      await memcached.stop();
    });

    it('is served and saved, and then the store is closed once', async () => {
      const visitor = app.visitor();
      await visitor.get('/');
      gate = new Gate();
      const answer = visitor.get('/');
      await gate.reached;
      const closing = app.app.close();
      const server = app.app.getHttpServer() as { listening: boolean };
      while (server.listening) await delay(5);
      expect(adapter.ended).toBe(0);
      gate.release();
      expect(await answer).toMatchObject({ status: 200, json: { visits: 2 } });
      await closing;
      expect(adapter.ended).toBe(1);
    });
  },
);
