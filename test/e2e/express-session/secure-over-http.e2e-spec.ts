import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import { sign } from 'cookie-signature';

import {
  expressSession,
  requestSession,
  type ExpressSessionStore,
  type RequestSessionObject,
} from '../../../src/express-session.js';
import { sessionOf, UserSessions, type SessionModuleOptions } from '../../../src/index.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../../support/session-app.js';

@Controller()
class AppController {
  constructor(private readonly users: UserSessions) {}

  @Post('enter')
  async enter(@Req() request: { session?: RequestSessionObject }) {
    if (request.session) request.session.name = 'Ada';
    else (await sessionOf<{ name: string }>(request)).name = 'Ada';
  }

  @Get('show')
  show(@Req() { session }: { session: RequestSessionObject }) {
    return { name: (session.name as string | undefined) ?? null };
  }

  @Post('sign-in')
  async signIn(@Req() request: object) {
    await (await sessionOf(request)).signIn('7');
  }

  @Post('out')
  async out(@Req() { session }: { session: RequestSessionObject }) {
    await session.destroy();
  }

  @Get('users')
  async list() {
    return (await this.users.list('7')).length;
  }
}

const SECRET = 'the old secret';
const HTTPS = { headers: { 'x-forwarded-proto': 'https' } };

let app: SessionApp;

afterEach(() => app.close());

describe.each(PLATFORMS)('a session cookie for https only, over http, on %s', (platform) => {
  const clock = new TestClock();

  /** The first request of each visitor comes over http, unless it says otherwise. */
  async function start(options: SessionModuleOptions, isAsked = true) {
    app = await startSessionApp({
      ...{ platform, controllers: [AppController], options, trustProxy: true, clock: clock.now },
      prepare: (nest) => isAsked && nest.use(requestSession()),
    });
    return app.visitor();
  }

  it('is sent, as browsers accept it from localhost, if only the default says so', async () => {
    const visitor = await start({});
    expect((await visitor.post('/enter')).setCookies).toEqual([
      expect.stringMatching(/^SID=.*; Secure/),
    ]);
    expect((await visitor.get('/show')).json).toEqual({ name: 'Ada' });
  });

  it('is sent if nothing asks for the ways of express-session', async () => {
    const visitor = await start({ cookie: { secure: true } }, false);
    expect((await visitor.post('/enter')).setCookies).toHaveLength(1);
  });

  it('is not sent with secure: true, which the log says once', async () => {
    const visitor = await start({ cookie: { secure: true } });
    for (let n = 0; n < 2; n++) {
      const { status, setCookies } = await visitor.post('/enter');
      expect([status, setCookies]).toEqual([201, []]);
    }
    expect(app.logged.warnings).toEqual([
      expect.stringMatching(/^cookie\.secure is true, .* sent no session cookie/),
    ]);
    expect((await visitor.post('/enter', undefined, HTTPS)).setCookies).toHaveLength(1);
  });

  it('is not sent at a sign-in, which leaves no session behind that no client has', async () => {
    const visitor = await start({ cookie: { secure: true } });
    expect((await visitor.post('/sign-in')).setCookies).toEqual([]);
    expect((await visitor.get('/users')).json).toBe(0);
    expect((await visitor.post('/sign-in', undefined, HTTPS)).setCookies).toHaveLength(1);
    expect((await visitor.get('/users')).json).toBe(1);
  });

  it('stays valid, and its session gets no new id before https', async () => {
    const visitor = await start({ cookie: { secure: true }, rotateEvery: 60 });
    await visitor.post('/enter', undefined, HTTPS);
    const { cookie } = visitor;
    for (let n = 0; n < 3; n++) {
      clock.pass(61);
      const { json, setCookies } = await visitor.get('/show');
      expect([json, setCookies]).toEqual([{ name: 'Ada' }, []]);
    }
    expect((await visitor.get('/show', HTTPS)).setCookies).toHaveLength(1);
    expect(visitor.cookie).not.toBe(cookie);
  });

  it('is not cleared either', async () => {
    const visitor = await start({ cookie: { secure: true } });
    await visitor.post('/enter', undefined, HTTPS);
    expect((await visitor.post('/out')).setCookies).toEqual([]);
    expect((await visitor.get('/show', HTTPS)).json).toEqual({ name: null });
  });

  it('is not needed for a session that was carried over: the old one leads to it', async () => {
    const records = new Map([['old', { cookie: {}, name: 'Ada' }]]);
    const store: ExpressSessionStore = {
      get: (id, done) => done(null, records.get(id)),
      destroy: (id, done) => (records.delete(id), done?.()),
    };
    const visitor = await start({
      cookie: { secure: true },
      migrateFrom: expressSession({ secret: SECRET, store }),
    });
    visitor.cookie = `connect.sid=${encodeURIComponent(`s:${sign('old', SECRET)}`)}`;
    for (let n = 0; n < 2; n++) {
      const { json, setCookies } = await visitor.get('/show');
      expect([json, setCookies, records.size]).toEqual([{ name: 'Ada' }, [], 0]);
    }
    expect((await visitor.get('/show', HTTPS)).setCookies).toHaveLength(2);
    expect(visitor.cookie).toMatch(/^SID=/);
    expect((await visitor.get('/show')).json).toEqual({ name: 'Ada' });
  });
});
