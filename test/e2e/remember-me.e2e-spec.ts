import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post } from '@nestjs/common';

import { FreshSession, Session, UserSessions } from '../../src/index.js';
import { TestClock } from '../../src/testing.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../support/hooks.js';
import { PLATFORMS } from '../support/session-app.js';

const DAY = 86_400;

@Controller()
class AccountController {
  constructor(private readonly users: UserSessions) {}

  @Post('sign-in')
  async signIn(@Session() session: Session, @Body() { remember }: { remember?: number | boolean }) {
    await session.signIn('7', { remember });
  }

  @Post('confirm')
  async confirm(@Session() session: Session) {
    await session.confirmSignIn();
  }

  @Post('lifetime')
  give(@Session() session: Session, @Body() { lifetime }: { lifetime: number }) {
    session.set('name', 'Ada');
    session.lifetime = lifetime;
    session.persist = true;
  }

  @FreshSession(300)
  @Post('email')
  changeEmail() {
    return { changed: true };
  }

  @Get()
  show(@Session() session: Session) {
    const { userId, lifetime, persist, signedInAt } = session;
    return { userId: userId ?? null, lifetime, persist, signedInAt: signedInAt ?? null };
  }

  @Get('devices')
  devices() {
    return this.users.list('7');
  }
}

describe.each(PLATFORMS)('a remembered session, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: wire.server },
    controllers: [AccountController],
  }));

  const lines = () =>
    wire.commands.map(({ line }) => line.replace(/sess:\S+/, 'KEY').replace(/ \d+ \d+$/, ''));

  async function signedIn(remember?: number | boolean) {
    const visitor = app.visitor();
    const { setCookies } = await visitor.post('/sign-in', { remember });
    await visitor.get('/');
    wire.reset();
    return { visitor, cookie: setCookies.join() };
  }

  it.each([
    [7 * DAY, 7 * DAY],
    [true, 30 * DAY],
    [400 * DAY, 30 * DAY],
  ])('has a cookie with its lifetime, and is listed: remember %s', async (remember, lifetime) => {
    const { visitor, cookie } = await signedIn(remember);
    expect(cookie).toContain(`Max-Age=${lifetime};`);
    expect((await visitor.get('/')).json).toMatchObject({ userId: '7', lifetime, persist: true });
    const { json } = await visitor.get('/devices');
    expect(json.at(-1) ?? json[0]).toBeDefined();
    expect(json).toContainEqual(expect.objectContaining({ lifetime, persist: true }));
  });

  it('needs one round trip to read, two to write, and one for its user’s index with a new lifetime', async () => {
    const { visitor } = await signedIn(7 * DAY);
    await visitor.get('/');
    expect(lines()).toEqual(['mg KEY k c v t']);
    wire.reset();
    await visitor.post('/lifetime', { lifetime: 7 * DAY });
    expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'cas', 'mg']);
    expect(wire.commands[1]?.line).toContain(` ${7 * DAY + 1} `);
  });

  it('adds no cost to sessions that are not remembered', async () => {
    const { visitor, cookie } = await signedIn();
    expect(cookie).not.toContain('Max-Age');
    await visitor.get('/');
    expect(lines()).toEqual(['mg KEY k c v T1201']);
  });

  it('gets a lifetime and a new id in one response', async () => {
    const visitor = app.visitor();
    await visitor.post('/lifetime', { lifetime: 60 });
    const { setCookies } = await visitor.post('/lifetime', { lifetime: DAY });
    expect(setCookies.join()).toContain(`Max-Age=${DAY};`);
    expect((await visitor.get('/')).json).toMatchObject({ lifetime: DAY, persist: true });
  });
});

describe.each(PLATFORMS)('a handler with @FreshSession(), on %s', (platform) => {
  const clock = new TestClock();
  const app = useSessionApp(() => ({
    platform,
    controllers: [AccountController],
    clock: clock.now,
  }));

  it('refuses requests 5 minutes after the sign-in, with a code, until it is confirmed', async () => {
    const visitor = app.visitor();
    await visitor.post('/sign-in', {});
    expect((await visitor.post('/email')).json).toEqual({ changed: true });
    clock.pass(300);
    const refused = await visitor.post('/email');
    expect(refused.status).toBe(403);
    expect(refused.json).toMatchObject({ statusCode: 403, code: 'SESSION_NOT_FRESH' });
    const before = visitor.cookie;
    await visitor.post('/confirm');
    expect(visitor.cookie).not.toBe(before);
    expect((await visitor.post('/email')).status).toBe(201);
    expect((await visitor.get('/')).json.signedInAt).toBe(new Date(clock.now()).toISOString());
  });

  it('refuses visitors who are not signed in', async () => {
    const { status, json } = await app.visitor().post('/email');
    expect([status, json.code]).toEqual([403, 'SESSION_NOT_FRESH']);
  });
});

it.each([0, 1.5, NaN])('FreshSession(%p) throws when it is applied', (seconds) => {
  expect(() => FreshSession(seconds)).toThrow('FreshSession');
});
