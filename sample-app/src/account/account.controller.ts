import {
  Body,
  Controller,
  Get,
  Post,
  Redirect,
  Render,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import type { Response } from 'express';
import { Session, SessionManager } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';
import { checkUserName } from './user-name.js';

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
  async signIn(
    @Session() session: Session,
    @Body('name') text: unknown,
    @Body('remember') remember: unknown,
    @Res() response: Response,
  ) {
    const { name, problem } = checkUserName(text);
    if (problem) return response.status(400).render('sign-in', { session, name, problem });
    // A new id, so that an attacker who knows the old one is not signed in, too (session fixation). The
    // entries stay, unless they were those of another user.
    const own = await this.sessions.signIn(name, { remember: remember === 'on' });
    own.set('user', { name });
    own.flash('notice', `Welcome, ${name}.`);
    await own.save();
    return response.redirect(303, '/members');
  }

  /** The session is gone from the store when this is done, and with it the basket. */
  @Post('sign-out')
  @Redirect('/', 303)
  async signOut() {
    await this.sessions.signOut();
  }
}
