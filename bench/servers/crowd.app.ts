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
} from 'nestjs-session-manager';

import type { Platform } from '../contenders.js';
import { createNestApp } from './nest-app.js';
import { setNewCookie, type HeaderSetter } from './new-cookie.js';
import { PEER_SECRET } from './peer-secret.js';
import { joined, type Marks } from './marks.js';
import type { Stores } from './stores.js';

/** `ours` on memcached, on Postgres by Keyv's own adapter, or on both. */
export type CrowdContender =
  'bare' | 'mini' | 'ours' | 'ours-keyv' | 'ours-durable' | 'express-session';

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

/** Nothing is kept: nobody is known again. */
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
  { memcached, postgres }: Stores,
): Promise<INestApplication> {
  switch (contender) {
    case 'bare':
      return createBare(platform);
    case 'mini':
      return (await import('./mini-crowd.app.js')).createMiniCrowdApp(platform, memcached);
    case 'ours':
      return createOurs(platform, { memcached });
    case 'ours-keyv':
      return createOurs(platform, { stores: [await postgresStore(postgres)] });
    case 'ours-durable':
      return createOurs(platform, {
        stores: [memcachedStore(memcached), await postgresStore(postgres)],
      });
    case 'express-session':
      return createExpressSession(memcached);
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

/** Imported by those who need it: no other process holds its code. */
async function postgresStore(uri: string): Promise<Keyv> {
  const { PostgresAdapter } = await import('../../test/support/postgres-adapter.js');
  return new Keyv({ store: new PostgresAdapter({ uri }) });
}

async function createExpressSession(memcached: string): Promise<INestApplication> {
  @Module({ controllers: [PeerCrowdController] })
  class PeerModule {}

  const app = await createNestApp('express', PeerModule);
  const MemcachedStore = connectMemcached(expressSession);
  const store = new MemcachedStore({ hosts: [memcached], prefix: 'express:' });
  app.use(expressSession({ store, secret: PEER_SECRET, resave: false, saveUninitialized: false }));
  return app;
}
