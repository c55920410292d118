import {
  Controller,
  Get,
  Headers,
  Module,
  Query,
  Res,
  type INestApplication,
} from '@nestjs/common';

import type { Platform } from '../contenders.js';
import { joined, type Marks } from './marks.js';
import { MiniSessions } from './mini-sessions.js';
import { createNestApp } from './nest-app.js';
import { setNewCookie, type HeaderSetter } from './new-cookie.js';

@Controller()
class MiniCrowdController {
  constructor(private readonly sessions: MiniSessions<Marks>) {}

  @Get('join')
  async join(@Res({ passthrough: true }) response: HeaderSetter, @Query('mark') mark: string) {
    await this.sessions.create(setNewCookie(response), joined(mark));
    return {};
  }

  @Get('look')
  async look(@Headers('cookie') cookie: string) {
    const { mark, count } = (await this.sessions.find(cookie)).entries;
    return { mark, count };
  }

  @Get('count')
  async count(@Headers('cookie') cookie: string) {
    const found = await this.sessions.find(cookie);
    found.entries.count++;
    await this.sessions.update(found);
    return { mark: found.entries.mark };
  }
}

/** What a crowd costs any application that asks memcached for each request. */
export function createMiniCrowdApp(
  platform: Platform,
  memcached: string,
): Promise<INestApplication> {
  @Module({
    controllers: [MiniCrowdController],
    providers: [{ provide: MiniSessions, useValue: new MiniSessions<Marks>(memcached) }],
  })
  class MiniModule {}

  return createNestApp(platform, MiniModule);
}
