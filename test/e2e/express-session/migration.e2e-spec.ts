import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import session, { MemoryStore } from 'express-session';
import { createClient } from 'redis';

import { expressSession, type ExpressSessionStore } from '../../../src/express-session.js';
import { Session } from '../../../src/index.js';
import { useMemcached, useRedis } from '../../support/hooks.js';
import type { Visitor } from '../../support/http-client.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../../support/session-app.js';

const { default: expressSessionMemcached } = (await import('connect-memcached')) as {
  default: (library: typeof session) => new (options: object) => session.Store;
};

const SECRET = 'the newer secret';

@Controller()
class OldController {
  @Post('enter')
  enter() {
    return 'entered';
  }
}

@Controller()
class NewController {
  @Get('entries')
  entries(@Session() one: Session) {
    return one.toJSON();
  }

  @Post('own/:none')
  own(@Session() one: Session) {
    one.increment('visits');
  }

  @Post('out')
  out(@Session() one: Session) {
    return one.signOut();
  }
}

interface Servers {
  readonly memcached: string;
  readonly redis: string;
}

/** A store of express-session, and a function that closes its connections. */
interface OldStore {
  readonly store: session.Store;
  readonly close?: () => unknown;
}

const STORES: [string, (servers: Servers) => OldStore | Promise<OldStore>][] = [
  ['MemoryStore', () => ({ store: new MemoryStore() })],
  [
    'connect-memcached',
    ({ memcached }) => {
      const options = { hosts: [memcached], prefix: 'old:' };
      const store = new (expressSessionMemcached(session))(options);
      return { store, close: () => (store as unknown as { client: { end(): void } }).client.end() };
    },
  ],
  [
    'connect-redis',
    async ({ redis }) => {
      const client = createClient({ url: redis });
      client.on('error', () => undefined);
      await client.connect();
      return { store: new RedisStore({ client }), close: () => client.destroy() };
    },
  ],
];

describe.each(PLATFORMS.flatMap((platform) => STORES.map((one) => [platform, ...one] as const)))(
  'migrated sessions of express-session, on %s, from %s',
  (platform, _name, makeStore) => {
    const memcached = useMemcached();
    const redis = useRedis();
    let closeStore: OldStore['close'];
    let old: SessionApp;
    let app: SessionApp;
    let isBroken = false;
    let isSilent = false;

    beforeAll(async () => {
      const made = await makeStore({ memcached: memcached.server, redis: redis.url });
      const { store } = made;
      closeStore = made.close;
      old = await startSessionApp({
        controllers: [OldController],
        prepare(one) {
          const options = { resave: false, saveUninitialized: false, store };
          one.use(session({ ...options, secret: SECRET, cookie: { maxAge: 60_000 } }));
          one.use((request: any, _response: unknown, next: () => void) => {
            request.session.passport = { user: 7 };
            request.session.at = new Date(0);
            next();
          });
        },
      });
      const breakable: ExpressSessionStore = {
        get(id, done) {
          if (isBroken) done(new Error('down'));
          else if (!isSilent) void store.get(id, done);
        },
        destroy: (id, done) => store.destroy(id, done),
      };
      app = await startSessionApp({
        platform,
        controllers: [NewController],
        options: {
          memcached: memcached.server,
          migrateFrom: expressSession({ secret: ['another', SECRET], store: breakable }),
        },
      });
    });

    afterAll(async () => {
      await Promise.all([old.close(), app.close()]);
      await closeStore?.();
    });

    /** A visitor of the old application who now uses the new one. */
    async function comer(): Promise<Visitor> {
      const before = old.visitor();
      await before.post('/enter');
      const now = app.visitor();
      now.cookie = before.cookie;
      expect(now.cookie).toMatch(/^connect\.sid=s/);
      return now;
    }

    const ENTRIES = { passport: { user: 7 }, at: new Date(0).toISOString() };

    it('keep their entries, get a new id, and lose the old cookie', async () => {
      const visitor = await comer();
      expect((await visitor.get('/entries')).json).toEqual(ENTRIES);
      expect(visitor.cookie).toMatch(/^SID=[\w-]{43}$/);
      expect((await visitor.get('/entries')).json).toEqual(ENTRIES);
    });

    it('are migrated once: the old record is removed, and a sign-out is final', async () => {
      const visitor = await comer();
      const cookie = visitor.cookie;
      await visitor.get('/entries');
      await visitor.post('/out');
      expect((await visitor.get('/entries', { headers: { cookie } })).json).toEqual({});
    });

    it('become one session for parallel first requests', async () => {
      const visitor = await comer();
      await Promise.all(Array.from({ length: 12 }, () => visitor.post('/own/none')));
      expect((await visitor.get('/entries')).json).toEqual({ ...ENTRIES, visits: 12 });
    });

    it('are ignored if the signature is wrong', async () => {
      const visitor = await comer();
      const cookie = `${visitor.cookie.slice(0, -3)}abc`;
      expect((await visitor.get('/entries', { headers: { cookie } })).json).toEqual({});
    });

    it('get a 503 while the old store fails, and are migrated afterwards', async () => {
      const visitor = await comer();
      isBroken = true;
      expect((await visitor.get('/entries')).status).toBe(503);
      isBroken = false;
      expect((await visitor.get('/entries')).json).toEqual(ENTRIES);
    });

    it('get a 503 if the old store does not answer for 2 seconds, and are migrated afterwards', async () => {
      const visitor = await comer();
      isSilent = true;
      const since = performance.now();
      expect((await visitor.get('/entries')).status).toBe(503);
      expect(performance.now() - since).toBeGreaterThan(1900);
      isSilent = false;
      expect((await visitor.get('/entries')).json).toEqual(ENTRIES);
    });
  },
);
