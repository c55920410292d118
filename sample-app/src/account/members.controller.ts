import {
  Controller,
  Get,
  Param,
  Post,
  Redirect,
  Render,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Session, UserSessions } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';
import { MembersOnlyGuard } from './members-only.guard.js';
import { SignInFirstFilter } from './sign-in-first.filter.js';

/** The guard lets only signed-in users in. */
type MemberSession = Session & { readonly userId: string };

@Controller('members')
@UseGuards(MembersOnlyGuard)
@UseFilters(SignInFirstFilter)
@UseInterceptors(SaveSessionInterceptor)
export class MembersController {
  constructor(private readonly users: UserSessions) {}

  @Get()
  @Render('members')
  async members(@Session() session: MemberSession) {
    const notice = await session.flash<string>('notice');
    const sessions = await this.users.list(session.userId, { current: session });
    return { session, notice, sessions };
  }

  @Post('sessions/:handle/end')
  @Redirect('/members', 303)
  async end(@Session() session: MemberSession, @Param('handle') handle: string) {
    const isEnded = await this.users.revoke(session.userId, handle);
    session.flash('notice', isEnded ? 'That session is ended.' : 'That session was over already.');
  }

  @Post('sessions/end-others')
  @Redirect('/members', 303)
  async endOthers(@Session() session: MemberSession) {
    const count = await this.users.revokeAll(session.userId, { except: session });
    session.flash('notice', `${count} other ${count === 1 ? 'session is' : 'sessions are'} ended.`);
  }
}
