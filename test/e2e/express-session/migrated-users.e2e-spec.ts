import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post, Req } from '@nestjs/common';
import { RedisStore } from 'connect-redis';
import type { Request } from 'express';
import session from 'express-session';
import passport from 'passport';
import { createClient } from 'redis';

import { expressSession } from '../../../src/express-session.js';
import { FreshSession, Session, UserSessions } from '../../../src/index.js';
import { PassportSessionModule } from '../../../src/passport.js';
import { redisStore } from '../../../src/redis.js';
import { useMemcached, useRedis } from '../../support/hooks.js';
import type { Visitor } from '../../support/http-client.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../../support/session-app.js';
import { MembersController, PROVIDER, PROVIDERS, type User } from './passport-app.js';

const SECRET = 'the old secret';
const ADA = { username: 'ada', password: 'secret' };
const ADAS_ID = '1';

@Controller()
class CartController {
  @Post('cart')
  cart(@Req() { session: { ...entries }, session: old }: Request) {
    Object.assign(old, { cart: ['apple'] });
    return entries;
  }
}

@Controller()
class UsersController {
  constructor(private readonly users: UserSessions) {}

  @Get('me')
  me(@Session() one: Session, @Req() { user }: { user?: User }) {
    return { userId: one.userId ?? null, entries: one.toJSON(), user: user?.id };
  }

  @Post('visit')
  visit(@Session() one: Session) {
    one.increment('visits');
  }

  @FreshSession(1_000_000)
  @Post('email')
  email() {
    return {};
  }

  @Post('remember/:seconds')
  remember(@Session() one: Session, @Param('seconds') seconds: string) {
    one.lifetime = Number(seconds);
  }

  @Get('devices')
  devices() {
    return this.users.list(ADAS_ID);
  }

  @Post('revoke')
  revoke() {
    return this.users.revokeAll(ADAS_ID);
  }
}

/** One of its own: that of the old application is in use. */
function newPassport(): object {
  const own = new passport.Passport();
  own.deserializeUser((id: number, done: (error: null, user: { id: number }) => void) =>
    done(null, { id }),
  );
  return own;
}

interface PassportEntries {
  readonly passport?: { readonly user?: number };
}

/** An application that carries sessions over, with two sessions for each user. */
const WAYS = [
  ['end-oldest', 'memcached'],
  ['refuse', 'memcached'],
  ['end-oldest', 'Redis'],
] as const;
const CASES = PLATFORMS.flatMap((platform) => WAYS.map((way) => [platform, ...way] as const));

describe.each(CASES)(
  'users of passport who are migrated, on %s, when too many: %s, to %s',
  (...args) => {
    const [platform, whenTooMany, newStore] = args;
    const memcached = useMemcached();
    const redis = useRedis();
    let client: ReturnType<typeof createClient>;
    let old: SessionApp;
    let app: SessionApp;
    /** Shares nothing but the stores with it, as another process. */
    let second: SessionApp;

    beforeAll(async () => {
      client = createClient({ url: redis.url });
      client.on('error', () => undefined);
      await client.connect();
      const store = new RedisStore({ client });
      PROVIDER.url ||= 'http://127.0.0.1:1';
      old = await startSessionApp({
        controllers: [MembersController, CartController],
        providers: PROVIDERS,
        prepare(one) {
          one.use(session({ secret: SECRET, resave: false, saveUninitialized: false, store }));
          one.use(passport.initialize());
          one.use(passport.session());
        },
      });
      const start = () =>
        startSessionApp({
          platform,
          imports: [
            PassportSessionModule.forRoot({
              userId: (user: User) => String(user.id),
              passport: newPassport(),
            }),
          ],
          controllers: [UsersController],
          options: {
            ...(newStore === 'Redis'
              ? { stores: redisStore(redis.url) }
              : { memcached: memcached.server }),
            ...{ maxSessionsPerUser: 2, whenTooMany },
            migrateFrom: expressSession({
              ...{ secret: SECRET, store },
              userId: (entries: PassportEntries) => entries.passport?.user?.toString(),
            }),
          },
        });
      [app, second] = [await start(), await start()];
    });

    afterAll(async () => {
      await Promise.all([old.close(), app.close(), second.close()]);
      client.destroy();
    });

    /** A visitor of the old application who now uses the new one. */
    async function comer(isUser = true): Promise<Visitor> {
      const before = old.visitor();
      await before.post(isUser ? '/login' : '/cart', ADA);
      const now = app.visitor();
      now.cookie = before.cookie;
      return now;
    }

    const handles = async () =>
      ((await app.visitor().get('/devices')).json as { handle: string }[]).map(
        ({ handle }) => handle,
      );

    it('stay signed in, under a new id, and are listed', async () => {
      await app.visitor().post('/revoke');
      const visitor = await comer();
      const me = { userId: ADAS_ID, entries: { passport: { user: 1 } }, user: 1 };
      expect((await visitor.get('/me')).json).toEqual(me);
      expect(visitor.cookie).toMatch(/^SID=[\w-]{43}$/);
      expect((await visitor.get('/me')).json).toEqual(me);
      expect(await handles()).toHaveLength(1);
      await visitor.post('/revoke');
      expect((await visitor.get('/me')).json).toEqual({ userId: null, entries: {} });
    });

    it('have one session, in one place of the list, for parallel first requests', async () => {
      await app.visitor().post('/revoke');
      const other = await comer();
      await other.get('/me');
      const visitor = await comer();
      await Promise.all(Array.from({ length: 12 }, () => visitor.post('/visit')));
      expect((await visitor.get('/me')).json.entries).toMatchObject({ visits: 12 });
      expect((await other.get('/me')).json.userId).toBe(ADAS_ID);
      expect(await handles()).toHaveLength(2);
    });

    it('have one session for parallel first requests to two applications', async () => {
      await app.visitor().post('/revoke');
      const visitor = await comer();
      const oldId = /s(?:%3A|:)([^.]+)\./.exec(visitor.cookie)![1]!;
      expect(await client.exists(`sess:${oldId}`)).toBe(1);
      const elsewhere = second.visitor();
      elsewhere.cookie = visitor.cookie;
      const requests = Array.from({ length: 12 }, (_, n) =>
        (n % 2 ? visitor : elsewhere).post('/visit'),
      );
      const statuses = (await Promise.all(requests)).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([201]));
      // Each visitor has the cookie of the answer that came last.
      for (const one of [visitor, elsewhere]) {
        const { entries, userId } = (await one.get('/me')).json;
        expect([entries.visits, userId]).toEqual([12, ADAS_ID]);
      }
      expect(await handles()).toHaveLength(1);
      expect(await client.exists(`sess:${oldId}`)).toBe(0);
    });

    it('count for the limit', async () => {
      await app.visitor().post('/revoke');
      const visitors = [await comer(), await comer(), await comer()];
      for (const visitor of visitors) await visitor.get('/me');
      const answers: unknown[] = [];
      for (const visitor of visitors) answers.push((await visitor.get('/me')).json.userId);
      const expected =
        whenTooMany === 'refuse' ? [ADAS_ID, ADAS_ID, null] : [null, ADAS_ID, ADAS_ID];
      expect(answers).toEqual(expected);
      expect(await handles()).toHaveLength(2);
      // One who was refused may come once more, when there is a place.
      await app.visitor().post('/revoke');
      const last = (await visitors[2]!.get('/me')).json.userId;
      expect(last).toBe(whenTooMany === 'refuse' ? ADAS_ID : null);
    });

    it('are not taken for users who have just signed in, and can be given a longer life', async () => {
      await app.visitor().post('/revoke');
      const visitor = await comer();
      expect((await visitor.post('/email')).json.code).toBe('SESSION_NOT_FRESH');
      await visitor.post('/remember/86400');
      expect((await visitor.get('/me')).json.userId).toBe(ADAS_ID);
    });

    it('have no user if none was signed in', async () => {
      const visitor = await comer(false);
      expect((await visitor.get('/me')).json).toEqual({
        userId: null,
        entries: { cart: ['apple'] },
      });
    });
  },
);

describe('a userId that is not a string', () => {
  it('fails the request, and leaves the session where it was', async () => {
    const store = new session.MemoryStore();
    const old = await startSessionApp({
      controllers: [CartController],
      prepare: (one) =>
        one.use(session({ secret: SECRET, resave: false, saveUninitialized: false, store })),
    });
    const userId = () => 7 as unknown as string;
    const app = await startSessionApp({
      controllers: [UsersController],
      options: { migrateFrom: expressSession({ secret: SECRET, store, userId }) },
    });
    const visitor = old.visitor();
    await visitor.post('/cart');
    const { cookie } = visitor;
    expect((await app.visitor().get('/me', { headers: { cookie } })).status).toBe(500);
    expect(app.logged.errors.join()).toContain('use String(id)');
    expect((await visitor.post('/cart')).json).toHaveProperty('cart');
    await Promise.all([old.close(), app.close()]);
  });
});
