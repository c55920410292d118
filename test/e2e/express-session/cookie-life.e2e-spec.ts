import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Req } from '@nestjs/common';

import { requestSession, type RequestSessionObject } from '../../../src/express-session.js';
import { Session, sessionOf } from '../../../src/index.js';
import { useSessionApp } from '../../support/hooks.js';
import { PLATFORMS } from '../../support/session-app.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TIMEOUT = 1200;

type AnyRequest = { session: RequestSessionObject };

@Controller()
class CookieController {
  @Post('enter')
  enter(@Req() { session }: AnyRequest) {
    session.name = 'Ada';
  }

  @Post('assign')
  assign(@Req() { session }: AnyRequest, @Body() { expiresIn, ...cookie }: Record<string, number>) {
    session.name = 'Ada';
    Object.assign(session.cookie, cookie);
    if (expiresIn) session.cookie.expires = new Date(Date.now() + expiresIn);
    return session.cookie;
  }

  @Post('saved')
  async saved(@Req() { session }: AnyRequest) {
    session.cookie.maxAge = 7 * DAY;
    await session.save();
  }

  @Post('browser')
  browser(@Req() { session }: AnyRequest) {
    (session.cookie as { expires: unknown }).expires = false;
  }

  @Post('kept')
  async kept(@Req() request: AnyRequest) {
    const { session: before } = request;
    await before.regenerate();
    request.session.name = 'Ada';
    request.session.cookie = before.cookie;
    before.cookie.maxAge = 1000;
  }

  @Post('regenerated')
  async regenerated(@Req() request: AnyRequest) {
    await request.session.regenerate();
    request.session.name = 'Ada';
  }

  @Post('touch')
  touch(@Req() { session }: AnyRequest) {
    session.touch();
    session.cookie.maxAge = session.cookie.originalMaxAge;
  }

  @Post('wrong')
  wrong(@Req() { session }: AnyRequest) {
    try {
      (session.cookie as { maxAge: unknown }).maxAge = 'a day';
    } catch (error) {
      return { code: (error as { code?: string }).code };
    }
  }

  @Get()
  async show(@Req() request: AnyRequest) {
    const { lifetime, persist }: Session = await sessionOf(request);
    const { maxAge, originalMaxAge } = request.session.cookie;
    return { lifetime, persist, maxAge: maxAge && Math.ceil(maxAge / 1000), originalMaxAge };
  }
}

describe.each(PLATFORMS)('the lifetime of request.session.cookie, on %s', (platform) => {
  const app = useSessionApp(() => ({
    platform,
    controllers: [CookieController],
    options: { timeout: TIMEOUT },
    prepare: (one) => one.use(requestSession()),
  }));

  const days = (count: number) => ({
    lifetime: count * 86_400,
    persist: true,
    maxAge: expect.closeTo(count * 86_400, -2),
    originalMaxAge: count * DAY,
  });
  const PLAIN = { lifetime: TIMEOUT, persist: false, maxAge: null, originalMaxAge: null };

  it.each([
    ['maxAge', { maxAge: 7 * DAY }, 7],
    ['originalMaxAge', { originalMaxAge: 7 * DAY }, 7],
    ['more than the options allow', { maxAge: 400 * DAY }, 30],
  ])('has the assigned value: %s', async (_what, cookie, count) => {
    for (const isNew of [true, false]) {
      const visitor = app.visitor();
      if (!isNew) await visitor.post('/enter');
      const { json, setCookies } = await visitor.post('/assign', cookie);
      expect(json).toMatchObject({ originalMaxAge: count * DAY });
      expect(setCookies.join()).toContain(`Max-Age=${count * 86_400};`);
      expect((await visitor.get('/')).json).toEqual(days(count));
    }
  });

  it('is the time until the assigned `expires`', async () => {
    const visitor = app.visitor();
    const { setCookies } = await visitor.post('/assign', { expiresIn: 7 * DAY });
    expect(Number(/Max-Age=(\d+)/.exec(setCookies.join())?.[1]) / 86_400).toBeCloseTo(7, 2);
  });

  it('can be shorter than the option, but not shorter than a second', async () => {
    const visitor = app.visitor();
    expect((await visitor.post('/assign', { maxAge: 60_000 })).setCookies.join()).toMatch(
      /Max-Age=60;/,
    );
    expect((await visitor.get('/')).json).toMatchObject({ lifetime: 60, persist: true });
    expect((await visitor.post('/assign', { maxAge: 0 })).setCookies.join()).toMatch(/Max-Age=1;/);
  });

  it('is sent even if the session is saved before the response', async () => {
    const visitor = app.visitor();
    await visitor.post('/enter');
    expect((await visitor.post('/saved')).setCookies.join()).toMatch(/Max-Age=604800;/);
    expect((await visitor.get('/')).json).toEqual(days(7));
    expect((await visitor.get('/')).json).toEqual(days(7));
  });

  it('is that of the options again if `expires` is removed', async () => {
    const visitor = app.visitor();
    await visitor.post('/assign', { maxAge: 7 * DAY });
    const { setCookies } = await visitor.post('/browser');
    expect(setCookies.join()).toMatch(/^SID=/);
    expect(setCookies.join()).not.toMatch(/Max-Age/);
    expect((await visitor.get('/')).json).toEqual(PLAIN);
  });

  it('is not kept by a new session, unless the cookie is assigned to it', async () => {
    const visitor = app.visitor();
    await visitor.post('/assign', { maxAge: 7 * DAY });
    await visitor.post('/kept');
    expect((await visitor.get('/')).json).toEqual(days(7));
    await visitor.post('/regenerated');
    expect((await visitor.get('/')).json).toEqual(PLAIN);
  });

  it('is not sent again if it does not change', async () => {
    const visitor = app.visitor();
    await visitor.post('/assign', { maxAge: 7 * DAY });
    await visitor.get('/');
    const { setCookies } = await visitor.post('/touch');
    expect(setCookies).toEqual([]);
    expect((await visitor.post('/assign', { maxAge: 7 * DAY })).setCookies).toEqual([]);
  });

  it('cannot be a string', async () => {
    expect((await app.visitor().post('/wrong')).json).toEqual({ code: 'SESSION_VALUE' });
  });
});
