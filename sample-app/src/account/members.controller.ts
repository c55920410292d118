import { Controller, Get, Render, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { Session } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';
import { MembersOnlyGuard } from './members-only.guard.js';
import { SignInFirstFilter } from './sign-in-first.filter.js';

@Controller('members')
@UseGuards(MembersOnlyGuard)
@UseFilters(SignInFirstFilter)
@UseInterceptors(SaveSessionInterceptor)
export class MembersController {
  @Get()
  @Render('members')
  members(@Session() session: Session) {
    return { session };
  }
}
