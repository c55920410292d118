import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';

import { Session, SessionManager, UserSessions } from '../../src/index.js';
import { useMemcached, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

@Controller()
class AccountController {
  constructor(
    private readonly users: UserSessions,
    private readonly sessions: SessionManager,
  ) {}

  @Post('sign-in')
  async signIn(@Session() session: Session) {
    session.set('theme', 'dark');
    session.set('cart', { apples: 1, coupon: undefined });
    await session.signIn('7');
  }

  @Post('sign-out')
  async signOut(@Session() session: Session) {
    const next = await session.signOut({ keep: ['theme'] });
    next.flash('notice', 'Goodbye');
    return next.toJSON();
  }

  @Post('sign-out-by-manager')
  async signOutByManager() {
    const next = await this.sessions.signOut({ keep: true });
    return next.toJSON();
  }

  @Get()
  async show(@Session() session: Session) {
    const devices = await this.users.list('7');
    return { userId: session.userId ?? null, entries: session.toJSON(), devices: devices.length };
  }
}

describe.each(PLATFORMS)('a sign-out that keeps entries, on %s', (platform) => {
  const memcached = useMemcached();
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: memcached.server },
    controllers: [AccountController],
  }));

  it('continues anonymously with these entries, under a new id', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    const thief = visitor.fork();
    const before = visitor.cookie;
    expect((await visitor.post('/sign-out')).json).toEqual({ theme: 'dark' });
    expect(visitor.cookie).not.toBe(before);
    const { json } = await visitor.get('/');
    expect(json).toEqual({ userId: null, entries: { theme: 'dark' }, devices: 0 });
    expect((await thief.get('/')).json.entries).toEqual({});
  });

  it('omits undefined properties of an object, and keeps the rest', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    const kept = { theme: 'dark', cart: { apples: 1 } };
    expect((await visitor.post('/sign-out-by-manager')).json).toEqual(kept);
    expect((await visitor.get('/')).json.entries).toEqual(kept);
  });
});
