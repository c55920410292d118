import { Controller, Get, NotFoundException, UseFilters } from '@nestjs/common';
import { SessionManager } from 'nestjs-session-manager';

import { JsonErrorFilter } from './json-error.filter.js';

@Controller('api/session')
@UseFilters(JsonErrorFilter)
export class SessionApiController {
  constructor(private readonly sessions: SessionManager) {}

  /** Whether an id is still good. Only reads: a client without a session gets none by asking. */
  @Get()
  async show() {
    const session = await this.sessions.peek();
    if (!session) throw new NotFoundException('You have no session.');
    const { userId = null, createdAt, expiresAt } = session;
    return { userId, createdAt, expiresAt };
  }
}
