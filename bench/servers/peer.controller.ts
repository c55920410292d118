import { Controller, Get, Session } from '@nestjs/common';

import { ANSWERS } from '../answers.js';
import { largeSession, smallSession, type SampleEntries } from './sample-session.js';

type PeerSession = Partial<SampleEntries>;

/** For all that put a plain `session` on the request: express-session and @fastify/session. */
@Controller()
export class PeerController {
  @Get('seed/small')
  seedSmall(@Session() session: PeerSession) {
    Object.assign(session, smallSession());
    return ANSWERS.seeded;
  }

  @Get('seed/large')
  seedLarge(@Session() session: PeerSession) {
    Object.assign(session, largeSession());
    return ANSWERS.seeded;
  }

  @Get('untouched')
  untouched() {
    return ANSWERS.untouched;
  }

  @Get('read')
  read(@Session() session: PeerSession) {
    return { user: session.user };
  }

  @Get(['write', 'count'])
  write(@Session() session: PeerSession) {
    session.visits = (session.visits ?? 0) + 1;
    return ANSWERS.written;
  }

  @Get('visits')
  visits(@Session() session: PeerSession) {
    return { visits: session.visits };
  }
}
