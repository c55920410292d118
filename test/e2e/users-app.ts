import { expect } from '@jest/globals';
import { Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';

import { Session, SessionManager, UserSessions } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import type { Visitor } from '../support/http-client.js';
import type { SessionApp } from '../support/session-app.js';

/** Where requests wait until the test lets them continue. */
export const gates: Gate[] = [];

/** A singleton: it needs no request-scoped provider. */
@Controller()
class AccountController {
  constructor(private readonly users: UserSessions) {}

  @Post('sign-in/:user')
  @HttpCode(204)
  async signIn(@Session() session: Session, @Param('user') user: string) {
    await session.signIn(user);
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() session: Session) {
    return session.signOut();
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.userId ?? null, visits: session.get('visits') ?? null };
  }

  @Post('visit')
  visit(@Session() session: Session) {
    return session.increment('visits');
  }

  @Get('held')
  async held(@Session() session: Session) {
    const gate = new Gate();
    gates.push(gate);
    await gate.pass();
    session.visits = 1000;
    return {};
  }

  @Get('sessions')
  sessions(@Session() session: Session) {
    return this.users.list(session.userId!, { current: session });
  }

  @Delete('sessions/:handle')
  revoke(@Session() session: Session, @Param('handle') handle: string) {
    return this.users.revoke(session.userId!, handle);
  }

  @Post('password')
  async password(@Session() session: Session) {
    const ended = await this.users.revokeAll(session.userId!, { except: session });
    await session.regenerate();
    return { ended };
  }
}

/** An administrator's page: of any user, without a session. */
@Controller('admin')
class AdminController {
  constructor(private readonly users: UserSessions) {}

  @Get(':user')
  list(@Param('user') user: string) {
    return this.users.list(user);
  }

  @Delete(':user')
  async end(@Param('user') user: string) {
    return { ended: await this.users.revokeAll(user) };
  }
}

@Controller('manager')
class ManagerController {
  constructor(private readonly sessions: SessionManager) {}

  @Post('sign-in')
  @HttpCode(204)
  async signIn(@Query('user') user: string) {
    await this.sessions.signIn(user, { keep: false });
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut() {
    return this.sessions.signOut();
  }
}

export const CONTROLLERS = [AccountController, AdminController, ManagerController];

export const userOf = async (visitor: Visitor): Promise<string | null> =>
  (await visitor.get('/me')).json.user;

export const signedIn = async (
  app: SessionApp,
  user = 'ada',
  agent = 'Firefox',
): Promise<Visitor> => {
  const visitor = app.visitor();
  const headers = { 'user-agent': agent };
  const { status } = await visitor.post(`/sign-in/${user}`, undefined, { headers });
  expect(status).toBe(204);
  await app.settled();
  return visitor;
};

/** The same visitor, whose requests go to another process. */
export const at = (app: SessionApp, visitor: Visitor): Visitor => {
  const there = app.visitor();
  there.cookie = visitor.cookie;
  return there;
};
