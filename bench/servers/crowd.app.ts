import { Controller, Get, Module, Query, Res, Session as PlainSession } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import connectMemcached from 'connect-memcached';
import expressSession from 'express-session';
import { Keyv } from 'keyv';
import {
  memcachedStore,
  Session,
  SessionModule,
  type SessionModuleOptions,
  type SessionStore,
} from 'nestjs-session-manager';

import type { Platform } from '../contenders.js';
import { createNestApp } from './nest-app.js';
import { setNewCookie, type HeaderSetter } from './new-cookie.js';
import { PEER_SECRET } from './peer-secret.js';
import { joined, type Marks } from './marks.js';
import type { Stores } from './stores.js';

/** `ours` on memcached; on Redis; on Postgres, by a Keyv adapter or by this package's store; on memcached and Postgres. */
export type CrowdContender =
  | 'bare'
  | 'mini'
  | 'ours'
  | 'ours-keyv'
  | 'ours-postgres'
  | 'ours-redis'
  | 'ours-durable'
  | 'express-session'
  | 'express-session-postgres'
  | 'express-session-redis';

@Controller()
class OurCrowdController {
  @Get('join')
  join(@Session() session: Session<Marks>, @Query('mark') mark: string) {
    Object.assign(session, joined(mark));
    return {};
  }

  @Get('look')
  look(@Session() session: Session<Marks>) {
    return { mark: session.mark, count: session.count };
  }

  @Get('count')
  count(@Session() session: Session<Marks>) {
    session.increment('count');
    return { mark: session.mark };
  }
}

@Controller()
class PeerCrowdController {
  @Get('join')
  join(@PlainSession() session: Marks, @Query('mark') mark: string) {
    Object.assign(session, joined(mark));
    return {};
  }

  @Get('look')
  look(@PlainSession() session: Marks) {
    return { mark: session.mark, count: session.count };
  }

  @Get('count')
  count(@PlainSession() session: Marks) {
    session.count++;
    return { mark: session.mark };
  }
}

/** Nothing is kept: no visitor is recognised. */
@Controller()
class BareCrowdController {
  @Get('join')
  join(@Res({ passthrough: true }) response: HeaderSetter) {
    setNewCookie(response);
    return {};
  }

  @Get('look')
  look() {
    return { mark: 'nobody', count: 0 };
  }

  @Get('count')
  count() {
    return { mark: 'nobody' };
  }
}

export async function createCrowdApp(
  contender: CrowdContender,
  platform: Platform,
  { memcached, postgres, redis }: Stores,
): Promise<INestApplication> {
  switch (contender) {
    case 'bare':
      return createBare(platform);
    case 'mini':
      return (await import('./mini-crowd.app.js')).createMiniCrowdApp(platform, memcached);
    case 'ours':
      return createOurs(platform, { memcached });
    case 'ours-keyv':
      return createOurs(platform, { stores: [await keyvOver(postgres)] });
    case 'ours-postgres':
      return createOurs(platform, { stores: await inPostgres(postgres) });
    case 'ours-redis':
      return createOurs(platform, { stores: await inRedis(redis) });
    case 'ours-durable':
      return createOurs(platform, {
        stores: [memcachedStore(memcached), await inPostgres(postgres)],
      });
    case 'express-session':
      return createExpressSession(memcachedPeer(memcached));
    case 'express-session-postgres':
      return createExpressSession(await postgresPeer(postgres));
    case 'express-session-redis':
      return createExpressSession(await redisPeer(redis));
  }
}

function createBare(platform: Platform): Promise<INestApplication> {
  @Module({ controllers: [BareCrowdController] })
  class BareModule {}

  return createNestApp(platform, BareModule);
}

function createOurs(
  platform: Platform,
  store: Pick<SessionModuleOptions, 'memcached' | 'stores'>,
): Promise<INestApplication> {
  @Module({
    imports: [SessionModule.forRoot({ ...store, cookie: { secure: false } })],
    controllers: [OurCrowdController],
  })
  class OurModule {}

  return createNestApp(platform, OurModule);
}

// Imported by those who need it: no other process holds its code.

async function keyvOver(uri: string): Promise<Keyv> {
  const { PostgresAdapter } = await import('../../test/support/postgres-adapter.js');
  return new Keyv({ store: new PostgresAdapter({ uri }) });
}

async function inPostgres(connectionString: string): Promise<SessionStore> {
  const { postgresStore } = await import('nestjs-session-manager/postgres');
  return postgresStore({ connectionString, migrate: true });
}

async function inRedis(url: string): Promise<Keyv> {
  const { redisStore } = await import('nestjs-session-manager/redis');
  return redisStore(url);
}

function memcachedPeer(memcached: string): expressSession.Store {
  const MemcachedStore = connectMemcached(expressSession);
  return new MemcachedStore({ hosts: [memcached], prefix: 'express:' });
}

async function postgresPeer(conString: string): Promise<expressSession.Store> {
  const { default: connectPgSimple } = await import('connect-pg-simple');
  const PostgresStore = connectPgSimple(expressSession);
  const store = new PostgresStore({ conString, createTableIfMissing: true });
  // Makes the table now, before another process does at the same time.
  await new Promise((resolve) => store.get('nobody', resolve));
  return store;
}

async function redisPeer(url: string): Promise<expressSession.Store> {
  const [{ RedisStore }, { createClient }] = await Promise.all([
    import('connect-redis'),
    import('redis'),
  ]);
  const client = createClient({ url });
  await client.connect();
  return new RedisStore({ client, prefix: 'express:' });
}

async function createExpressSession(store: expressSession.Store): Promise<INestApplication> {
  @Module({ controllers: [PeerCrowdController] })
  class PeerModule {}

  const app = await createNestApp('express', PeerModule);
  app.use(expressSession({ store, secret: PEER_SECRET, resave: false, saveUninitialized: false }));
  return app;
}
