import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import {
  Session,
  SessionManager,
  SessionModule,
  type SessionModuleOptions,
} from 'nestjs-session-manager';

import { ANSWERS } from '../answers.js';
import type { Platform } from '../contenders.js';
import { createNestApp } from './nest-app.js';
import { largeSession, smallSession, type SampleEntries } from './sample-session.js';

@Controller()
class OurController {
  @Get('seed/small')
  seedSmall(@Session() session: Session<SampleEntries>) {
    Object.assign(session, smallSession());
    return ANSWERS.seeded;
  }

  @Get('seed/large')
  seedLarge(@Session() session: Session<SampleEntries>) {
    Object.assign(session, largeSession());
    return ANSWERS.seeded;
  }

  @Get('untouched')
  untouched() {
    return ANSWERS.untouched;
  }

  @Get('read')
  read(@Session() session: Session<SampleEntries>) {
    return { user: session.user };
  }

  @Get('write')
  write(@Session() session: Session<SampleEntries>) {
    session.visits = (session.visits ?? 0) + 1;
    return ANSWERS.written;
  }

  /** As an application counts whose requests may be parallel. */
  @Get('count')
  count(@Session() session: Session<SampleEntries>) {
    session.increment('visits');
    return ANSWERS.written;
  }

  @Get('visits')
  visits(@Session() session: Session<SampleEntries>) {
    return { visits: session.visits };
  }
}

@Controller()
class InjectedController {
  constructor(private readonly sessions: SessionManager) {}

  @Get('injected')
  async read() {
    const session: Session<SampleEntries> = await this.sessions.current();
    return { user: session.user };
  }
}

export function createOurApp(
  platform: Platform,
  store: Pick<SessionModuleOptions, 'memcached' | 'stores'>,
): Promise<INestApplication> {
  @Module({
    imports: [SessionModule.forRoot({ ...store, cookie: { secure: false } })],
    controllers: [OurController, InjectedController],
  })
  class OurModule {}

  return createNestApp(platform, OurModule);
}
