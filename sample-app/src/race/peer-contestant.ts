import { promisify } from 'node:util';

import { Controller, Get, HttpCode, Module, Param, Post, Session } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import connectMemcached from 'connect-memcached';
import expressSession, { type Session as PeerSession } from 'express-session';

import { ANY, SLOW, work } from './work.js';

type AnySession = PeerSession & { count?: number; user?: string; [name: string]: unknown };

/** The same controller as in `own-contestant.ts`, on express-session. */
@Controller()
class PeerController {
  @Post('entries/:name')
  @HttpCode(204)
  async write(@Session() session: AnySession, @Param('name') name: string) {
    await work(ANY);
    session[name] = true;
  }

  @Post('count')
  @HttpCode(204)
  async count(@Session() session: AnySession) {
    await work(ANY);
    session.count = (session.count ?? 0) + 1;
  }

  @Post('sign-in')
  @HttpCode(204)
  signIn(@Session() session: AnySession) {
    session.user = 'ada';
  }

  @Post('slow')
  @HttpCode(204)
  async slow(@Session() session: AnySession) {
    await work(SLOW);
    session.finished = true;
  }

  @Post('sign-out')
  @HttpCode(204)
  async signOut(@Session() session: AnySession) {
    await promisify(session.destroy.bind(session))();
  }

  @Get('state')
  state(@Session() session: AnySession) {
    const { cookie: _cookie, count = 0, user = null, ...entries } = session;
    return { entries: Object.keys(entries).length, count, user };
  }

  /** Does not ask for the session. */
  @Get('plain')
  plain() {
    return 'plain';
  }
}

@Module({ controllers: [PeerController] })
export class PeerContestant {}

/** As its own documentation says. */
export function usePeerSessions(app: NestExpressApplication, memcached: string | undefined): void {
  const MemcachedStore = connectMemcached(expressSession);
  app.use(
    expressSession({
      secret: 'only for the race',
      resave: false,
      saveUninitialized: false,
      ...(memcached !== undefined && {
        store: new MemcachedStore({ hosts: [memcached], prefix: 'race:peer:' }),
      }),
    }),
  );
}
