import { Controller, Get, Headers, Module, Res, type INestApplication } from '@nestjs/common';

import { ANSWERS } from '../answers.js';
import { MiniSessions } from './mini-sessions.js';
import { createNestApp } from './nest-app.js';
import { setNewCookie, type HeaderSetter } from './new-cookie.js';
import { largeSession, smallSession, type SampleEntries } from './sample-session.js';

@Controller()
class MiniController {
  constructor(private readonly sessions: MiniSessions<SampleEntries>) {}

  @Get('seed/small')
  async seedSmall(@Res({ passthrough: true }) response: HeaderSetter) {
    await this.sessions.create(setNewCookie(response), smallSession());
    return ANSWERS.seeded;
  }

  @Get('seed/large')
  async seedLarge(@Res({ passthrough: true }) response: HeaderSetter) {
    await this.sessions.create(setNewCookie(response), largeSession());
    return ANSWERS.seeded;
  }

  @Get('read')
  async read(@Headers('cookie') cookie: string) {
    return { user: (await this.sessions.find(cookie)).entries.user };
  }

  @Get('write')
  async write(@Headers('cookie') cookie: string) {
    const found = await this.sessions.find(cookie);
    found.entries.visits++;
    await this.sessions.update(found);
    return ANSWERS.written;
  }

  @Get('visits')
  async visits(@Headers('cookie') cookie: string) {
    return { visits: (await this.sessions.find(cookie)).entries.visits };
  }
}

export function createMiniApp(memcached: string): Promise<INestApplication> {
  @Module({
    controllers: [MiniController],
    providers: [{ provide: MiniSessions, useValue: new MiniSessions(memcached) }],
  })
  class MiniModule {}

  return createNestApp('express', MiniModule);
}
