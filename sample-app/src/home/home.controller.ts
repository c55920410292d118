import { Controller, Get, Render, UseInterceptors } from '@nestjs/common';
import { Session } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';

@Controller()
@UseInterceptors(SaveSessionInterceptor)
export class HomeController {
  /** Counts, though it is a GET: a count does no harm. All other changes are a POST. */
  @Get()
  @Render('home')
  home(@Session() session: Session) {
    session.increment('visits');
    return { session };
  }
}
