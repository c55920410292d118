import { Body, Controller, Get, Post, Redirect, Render, UseInterceptors } from '@nestjs/common';
import { Session, SessionManager } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';
import { UserNamePipe } from './user-name.pipe.js';

@Controller()
@UseInterceptors(SaveSessionInterceptor)
export class AccountController {
  constructor(private readonly sessions: SessionManager) {}

  @Get('sign-in')
  @Render('sign-in')
  form(@Session() session: Session) {
    return { session };
  }

  /** A real application checks a password first. */
  @Post('sign-in')
  @Redirect('/members', 303)
  async signIn(@Body('name', UserNamePipe) name: string) {
    // A new id, so that whoever may know the old one is not signed in along (session fixation). What is
    // in the session stays, unless it was somebody else's.
    const session = await this.sessions.signIn(name);
    session.set('user', { name });
    session.flash('notice', `Welcome, ${name}.`);
  }

  /** The session is gone from the store when this is done, and with it the basket. */
  @Post('sign-out')
  @Redirect('/', 303)
  async signOut() {
    await this.sessions.signOut();
  }
}
