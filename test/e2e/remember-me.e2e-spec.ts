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

describe.each(PLATFORMS)('a session that is remembered, on %s', (platform) => {
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
  ])('told %s, has a cookie of that life, and is in the list', async (remember, lifetime) => {
    const { visitor, cookie } = await signedIn(remember);
    expect(cookie).toContain(`Max-Age=${lifetime};`);
    expect((await visitor.get('/')).json).toMatchObject({ userId: '7', lifetime, persist: true });
    const { json } = await visitor.get('/devices');
    expect(json.at(-1) ?? json[0]).toBeDefined();
    expect(json).toContainEqual(expect.objectContaining({ lifetime, persist: true }));
  });

  it('takes one round trip to read, and two to write, as any other', async () => {
    const { visitor } = await signedIn(7 * DAY);
    await visitor.get('/');
    expect(lines()).toEqual(['mg KEY k c v t']);
    wire.reset();
    await visitor.post('/lifetime', { lifetime: 7 * DAY });
    expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'cas']);
    expect(wire.commands[1]?.line).toContain(` ${7 * DAY + 1} `);
  });

  it('costs nothing who is not', async () => {
    const { visitor, cookie } = await signedIn();
    expect(cookie).not.toContain('Max-Age');
    await visitor.get('/');
    expect(lines()).toEqual(['mg KEY k c v T1201']);
  });

  it('is given a lifetime and a new id by one response', async () => {
    const visitor = app.visitor();
    await visitor.post('/lifetime', { lifetime: 60 });
    const { setCookies } = await visitor.post('/lifetime', { lifetime: DAY });
    expect(setCookies.join()).toContain(`Max-Age=${DAY};`);
    expect((await visitor.get('/')).json).toMatchObject({ lifetime: DAY, persist: true });
  });
});

describe.each(PLATFORMS)('what only who has just signed in may do, on %s', (platform) => {
  const clock = new TestClock();
  const app = useSessionApp(() => ({
    platform,
    controllers: [AccountController],
    clock: clock.now,
  }));

  it('is refused 5 minutes after, with a code, until the sign-in is confirmed', async () => {
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

  it('is refused to nobody', async () => {
    const { status, json } = await app.visitor().post('/email');
    expect([status, json.code]).toEqual([403, 'SESSION_NOT_FRESH']);
  });
});

it.each([0, 1.5, NaN])('FreshSession(%p) is refused where it is written', (seconds) => {
  expect(() => FreshSession(seconds)).toThrow('FreshSession');
});
