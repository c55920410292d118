import { Controller, Get, Headers, Module, Res, type INestApplication } from '@nestjs/common';
import memcacheClient from 'memcache-client';

import { ANSWERS } from '../answers.js';
import type { Platform } from '../contenders.js';
import { createNestApp } from './nest-app.js';
import { setNewCookie, type HeaderSetter } from './new-cookie.js';
import { largeSession, smallSession, type SampleEntries } from './sample-session.js';

type Stored = SampleEntries & Record<string, unknown>;

/** What a session costs with a client from npm: no check, no renewal, no cookie parser. */
class RawSessions {
  private readonly client: InstanceType<typeof memcacheClient.MemcacheClient>;

  constructor(server: string) {
    this.client = new memcacheClient.MemcacheClient({ server, lifetime: 86_400 });
  }

  async get(key: string): Promise<Stored> {
    return (await this.client.get<Stored>(key)).value;
  }

  async set(key: string, entries: Stored): Promise<void> {
    await this.client.set(key, entries);
  }
}

function keyOf(cookie: string): string {
  return `raw:${cookie.slice('SID='.length)}`;
}

@Controller()
class RawController {
  constructor(private readonly sessions: RawSessions) {}

  @Get('seed/small')
  async seedSmall(@Res({ passthrough: true }) response: HeaderSetter) {
    await this.sessions.set(`raw:${setNewCookie(response)}`, smallSession());
    return ANSWERS.seeded;
  }

  @Get('seed/large')
  async seedLarge(@Res({ passthrough: true }) response: HeaderSetter) {
    await this.sessions.set(`raw:${setNewCookie(response)}`, largeSession());
    return ANSWERS.seeded;
  }

  @Get('read')
  async read(@Headers('cookie') cookie: string) {
    return { user: (await this.sessions.get(keyOf(cookie))).user };
  }

  @Get('write')
  async write(@Headers('cookie') cookie: string) {
    const key = keyOf(cookie);
    const session = await this.sessions.get(key);
    session.visits++;
    await this.sessions.set(key, session);
    return ANSWERS.written;
  }

  @Get('visits')
  async visits(@Headers('cookie') cookie: string) {
    return { visits: (await this.sessions.get(keyOf(cookie))).visits };
  }
}

export function createRawApp(platform: Platform, memcached: string): Promise<INestApplication> {
  @Module({
    controllers: [RawController],
    providers: [{ provide: RawSessions, useValue: new RawSessions(memcached) }],
  })
  class RawModule {}

  return createNestApp(platform, RawModule);
}
