import { Controller, Get, Render, UseInterceptors } from '@nestjs/common';
import { Session } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';

@Controller()
@UseInterceptors(SaveSessionInterceptor)
export class HomeController {
  /** Counts, though it is a GET: being counted does nobody harm. All else that changes is a POST. */
  @Get()
  @Render('home')
  home(@Session() session: Session) {
    session.increment('visits');
    return { session };
  }
}
