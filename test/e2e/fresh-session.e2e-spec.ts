import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';

import { FreshSession, Session } from '../../src/index.js';
import { TestClock } from '../../src/testing.js';
import { useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

@Controller()
class AccountController {
  @Post('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('7');
  }

  @Post('sign-out')
  async signOut(@Session() session: Session) {
    await session.signOut({ keep: true });
  }

  @Post('confirm')
  async confirm(@Session() session: Session) {
    await session.confirmSignIn();
  }

  @FreshSession(300)
  @Post('email')
  changeEmail() {
    return { changed: true };
  }

  @Get()
  show(@Session() { signedInAt }: Session) {
    return { isDate: signedInAt instanceof Date, signedInAt: signedInAt ?? null };
  }
}

@FreshSession(300)
@Controller('payments')
class PaymentsController {
  @Get()
  list() {
    return [];
  }

  /** Its own limit, in place of the controller's. */
  @FreshSession(60)
  @Post()
  pay() {
    return { paid: true };
  }
}

describe.each(PLATFORMS)('@FreshSession(), on %s', (platform) => {
  const clock = new TestClock();
  const app = useSessionApp(() => ({
    platform,
    controllers: [AccountController, PaymentsController],
    clock: clock.now,
  }));

  async function signedIn() {
    const visitor = app.visitor();
    await visitor.post('/sign-in');
    return visitor;
  }

  it('refuses requests 5 minutes after the sign-in, with a code, until it is confirmed', async () => {
    const visitor = await signedIn();
    expect((await visitor.post('/email')).json).toEqual({ changed: true });
    clock.pass(300);
    const refused = await visitor.post('/email');
    expect(refused.status).toBe(403);
    expect(refused.json).toMatchObject({ statusCode: 403, code: 'SESSION_NOT_FRESH' });
    const before = visitor.cookie;
    await visitor.post('/confirm');
    expect(visitor.cookie).not.toBe(before);
    expect((await visitor.post('/email')).status).toBe(201);
    const signedInAt = new Date(clock.now()).toISOString();
    expect((await visitor.get('/')).json).toEqual({ isDate: true, signedInAt });
  });

  it('refuses visitors who are not signed in, or have signed out', async () => {
    const visitor = await signedIn();
    await visitor.post('/sign-out');
    expect((await visitor.get('/')).json).toEqual({ isDate: false, signedInAt: null });
    for (const one of [app.visitor(), visitor]) {
      const { status, json } = await one.post('/email');
      expect([status, json.code]).toEqual([403, 'SESSION_NOT_FRESH']);
    }
  });

  it('applies to all handlers of a controller, unless they have their own limit', async () => {
    const visitor = await signedIn();
    const statuses = async () => [
      (await visitor.get('/payments')).status,
      (await visitor.post('/payments')).status,
    ];
    expect(await statuses()).toEqual([200, 201]);
    clock.pass(60);
    expect(await statuses()).toEqual([200, 403]);
    clock.pass(240);
    expect(await statuses()).toEqual([403, 403]);
  });
});

it.each([0, 1.5, NaN])('FreshSession(%p) throws when it is applied', (seconds) => {
  expect(() => FreshSession(seconds)).toThrow('FreshSession');
});
