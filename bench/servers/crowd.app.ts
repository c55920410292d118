import { Controller, Get, Module, Query, Session as PlainSession } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import connectMemcached from 'connect-memcached';
import expressSession from 'express-session';
import { Session, SessionModule } from 'nestjs-session-manager';

import { createNestApp } from './nest-app.js';
import { PEER_SECRET } from './peer-secret.js';
import { smallSession } from './sample-session.js';

export type CrowdContender = 'ours' | 'express-session';

/** Every visitor leaves a mark, by which he knows his session again, and counts in it. */
interface Marks {
  mark: string;
  count: number;
}

const joined = (mark: string): Marks => ({ ...smallSession(), mark, count: 0 });

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

export async function createCrowdApp(
  contender: CrowdContender,
  memcached: string,
): Promise<INestApplication> {
  return contender === 'ours' ? createOurs(memcached) : createExpressSession(memcached);
}

function createOurs(memcached: string): Promise<INestApplication> {
  @Module({
    imports: [SessionModule.forRoot({ memcached, cookie: { secure: false } })],
    controllers: [OurCrowdController],
  })
  class OurModule {}

  return createNestApp('express', OurModule);
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
