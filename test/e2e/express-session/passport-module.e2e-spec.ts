import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { requestSession } from '../../../src/express-session.js';
import { sessionOf, UserSessions } from '../../../src/index.js';
import { PassportSessionModule } from '../../../src/passport.js';
import { useMemcached, useRecordingProxy, useSessionApp } from '../../support/hooks.js';
import { PLATFORMS } from '../../support/session-app.js';
import { MembersController, PROVIDER, PROVIDERS, type User } from './passport-app.js';
import { startProvider, type Provider } from './provider.js';

const ADA = { username: 'ada', password: 'secret' };
const BOB = { username: 'bob', password: 'secret' };

@Controller()
class DevicesController {
  constructor(private readonly users: UserSessions) {}

  @Get('devices')
  async devices(@Req() request: { user: User }) {
    return (await this.users.list(String(request.user.id))).length;
  }

  @Post('revoke')
  revoke(@Req() request: { user: User }) {
    return this.users.revokeAll(String(request.user.id));
  }

  @Post('note')
  async note(@Req() request: object) {
    (await sessionOf(request)).set('note', 'mine');
  }

  @Get('entries')
  async entries(@Req() request: object) {
    const session = await sessionOf(request);
    return { userId: session.userId ?? null, entries: session.toJSON() };
  }

  @Get('public')
  public() {
    return 'for all';
  }
}

describe.each(PLATFORMS)('passport without request.session, on %s', (platform) => {
  const memcached = useMemcached();
  const wire = useRecordingProxy(memcached);
  const app = useSessionApp(() => ({
    platform,
    options: { memcached: wire.server },
    controllers: [MembersController, DevicesController],
    imports: [PassportSessionModule.forRoot({ userId: (user: User) => String(user.id) })],
    // A strategy needs a URL even if it is not used.
    providers: ((PROVIDER.url ||= 'http://127.0.0.1:1'), PROVIDERS),
  }));

  async function signedIn(who = ADA, path = '/login') {
    const visitor = app.visitor();
    expect((await visitor.post(path, who)).status).toBe(201);
    return visitor;
  }

  it('signs in, restores the user on each route, and signs out', async () => {
    const visitor = await signedIn();
    expect((await visitor.get('/members')).json).toEqual({ id: 1, name: 'ada' });
    expect((await visitor.get('/who')).json).toEqual([{ id: 1, name: 'ada' }, true, false]);
    expect((await visitor.post('/logout')).json).toEqual({ user: null });
    expect((await visitor.get('/who')).json).toEqual([null, false, true]);
    expect((await visitor.get('/members')).status).toBe(403);
  });

  it('refuses a wrong password', async () => {
    const visitor = app.visitor();
    expect((await visitor.post('/login', { ...ADA, password: 'wrong' })).status).toBe(401);
    expect(visitor.cookie).toBe('');
  });

  it("lists a user's sessions in UserSessions, and ends them", async () => {
    const [one, other] = [await signedIn(BOB), await signedIn(BOB)];
    expect((await one.get('/devices')).body).toBe('2');
    expect((await one.get('/entries')).json).toEqual({
      userId: '2',
      entries: { passport: { user: 2 } },
    });
    await one.post('/revoke');
    expect((await other.get('/members')).status).toBe(403);
  });

  it.each([
    ['/login', '/logout', undefined],
    ['/login-keeping', '/logout-keeping', 'mine'],
  ])('keeps the entries with keepSessionInfo: %s, %s', async (logIn, logOut, note) => {
    const visitor = app.visitor();
    await visitor.post('/note');
    await visitor.post(logIn, ADA);
    const entries = async () => (await visitor.get('/entries')).json;
    expect(await entries()).toEqual({ userId: '1', entries: { note, passport: { user: 1 } } });
    await visitor.post(logOut);
    expect(await entries()).toEqual({ userId: null, entries: { note } });
  });

  it('changes the id at a sign-in, and ends the old session at a sign-out', async () => {
    const visitor = app.visitor();
    await visitor.post('/note');
    const before = visitor.cookie;
    await visitor.post('/login', ADA);
    const during = visitor.cookie;
    await visitor.post('/logout-keeping');
    expect(new Set([before, during, visitor.cookie]).size).toBe(3);
    const old = await visitor.get('/members', { headers: { cookie: during } });
    expect(old.status).toBe(403);
  });

  it('adds no round trip and no header for visitors without a session', async () => {
    wire.reset();
    const { headers, body } = await app.visitor().get('/public');
    expect([body, wire.commands.length, headers.vary]).toEqual(['for all', 0, undefined]);
  });

  it('answers 503 in an outage to routes that read the user, and never treats a user as signed out', async () => {
    const visitor = await signedIn();
    await wire.refuse(true);
    wire.cut();
    expect((await visitor.get('/public')).status).toBe(200);
    expect((await visitor.get('/members')).status).toBe(503);
    expect((await visitor.get('/who')).status).toBe(503);
  });
});

describe.each(PLATFORMS)('passport with an OAuth 2 strategy, on %s', (platform) => {
  let provider: Provider;
  beforeAll(async () => {
    provider = await startProvider();
    // On Fastify the URL must be absolute, because the strategy supports only requests of Express.
    Object.assign(PROVIDER, { url: provider.url, callbackURL: 'http://app.example/oauth2/back' });
  });
  afterAll(() => provider.close());

  const app = useSessionApp(() => ({
    platform,
    controllers: [MembersController],
    imports: [PassportSessionModule.forRoot({ userId: (user: User) => String(user.id) })],
    providers: PROVIDERS,
    // The strategy stores `state` and PKCE in request.session.
    prepare(one) {
      if (platform === 'fastify') void (one as NestFastifyApplication).register(requestSession());
      else one.use(requestSession());
    },
  }));
  it('signs in a user who returns from the provider', async () => {
    const visitor = app.visitor();
    const away = await visitor.get('/oauth2');
    expect(away.status).toBe(302);
    const { headers } = await visitor.get(away.headers.location!);
    const { pathname, search } = new URL(headers.location!);
    expect((await visitor.get(pathname + search)).json).toEqual({ id: 1, name: 'ada' });
    expect((await visitor.get('/members')).status).toBe(200);
  });
});
