import { Controller, Get, HttpCode, Module, Param, Post, type DynamicModule } from '@nestjs/common';
import {
  Session,
  SessionManager,
  SessionModule,
  type MemcachedLocation,
} from 'nestjs-session-manager';

import { ANY, SLOW, work } from './work.js';

interface RaceEntries {
  count: number;
  finished: boolean;
  [entry: `entry-${number}`]: boolean;
}

/** The same controller as in `peer-contestant.ts`, on this package. */
@Controller()
class OwnController {
  constructor(private readonly sessions: SessionManager) {}

  @Post('entries/:name')
  @HttpCode(204)
  async write(@Session() session: Session<RaceEntries>, @Param('name') name: `entry-${number}`) {
    await work(ANY);
    session.set(name, true);
  }

  @Post('count')
  @HttpCode(204)
  async count(@Session() session: Session<RaceEntries>) {
    await work(ANY);
    session.increment('count');
  }

  @Post('sign-in')
  @HttpCode(204)
  async signIn() {
    await this.sessions.signIn('ada');
  }

  @Post('slow')
  @HttpCode(204)
  async slow(@Session() session: Session<RaceEntries>) {
    await work(SLOW);
    session.set('finished', true);
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut() {
    await this.sessions.signOut();
  }

  @Get('state')
  state(@Session() session: Session<RaceEntries>) {
    return { entries: session.size, count: session.count ?? 0, user: session.userId ?? null };
  }

  /** Does not ask for the session. */
  @Get('plain')
  plain() {
    return 'plain';
  }
}

@Module({})
export class OwnContestant {
  static on(memcached: MemcachedLocation | undefined): DynamicModule {
    return {
      module: OwnContestant,
      imports: [
        SessionModule.forRoot({ memcached, keyPrefix: 'race:own:', cookie: { secure: false } }),
      ],
      controllers: [OwnController],
    };
  }
}
