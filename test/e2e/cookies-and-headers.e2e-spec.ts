import { afterEach, beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';

import { Session, type SessionCookieOptions, type SessionModuleOptions } from '../../src/index.js';
import {
  PLATFORMS,
  startSessionApp,
  type Platform,
  type SessionApp,
} from '../support/session-app.js';

interface ParsedRequest {
  cookies?: unknown;
  signedCookies?: unknown;
  secret?: unknown;
}

interface AnyResponse {
  header(name: string, value: string): this;
  send(body: unknown): void;
}

const ALL_ATTRIBUTES: SessionCookieOptions = {
  name: '__Secure-shop',
  path: '/write',
  domain: 'example.org',
  sameSite: 'strict',
  partitioned: true,
  priority: 'high',
};

@Controller()
class HeadersController {
  @Get('write')
  write(@Session() session: Session) {
    session.name = 'Ada';
  }

  @Get('write/end')
  async end(@Session() session: Session) {
    await session.destroy();
  }

  @Get('read')
  read(@Session('name') name: string | undefined) {
    return { name: name ?? null };
  }

  @Get('untouched')
  untouched() {
    return 'fine';
  }

  @Get('own')
  @Header('Cache-Control', 'private, max-age=5')
  @Header('Vary', 'Accept')
  own(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('both')
  both(@Session() session: Session, @Res() response: AnyResponse) {
    session.name = 'Ada';
    response.header('Set-Cookie', 'theirs=1').send('fine');
  }

  @Get('parsed')
  parsed(@Session() session: Session, @Req() request: ParsedRequest) {
    const { cookies, signedCookies, secret } = request;
    return { name: (session.name as string) ?? null, cookies, signedCookies, secret };
  }

  @Get('id')
  id(@Session() session: Session) {
    session.name = 'Ada';
    return { id: session.id };
  }
}

describe.each(PLATFORMS)('cookies and headers, on %s', (platform: Platform) => {
  const apps: SessionApp[] = [];

  async function start(options?: SessionModuleOptions, prepare?: (app: unknown) => void) {
    const controllers = [HeadersController];
    const app = await startSessionApp({
      platform,
      options,
      controllers,
      ...(prepare && { prepare }),
    });
    apps.push(app);
    return app;
  }

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  const idCookie = /^SID=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/;

  it('the cookie is HttpOnly, Secure and SameSite=Lax, for this host only', async () => {
    const { setCookies } = await (await start()).visitor().get('/write');
    expect(setCookies).toEqual([expect.stringMatching(idCookie)]);
  });

  it('the cookie’s name and attributes follow the options, also when it is cleared', async () => {
    const visitor = (await start({ cookie: ALL_ATTRIBUTES })).visitor();
    const [given] = (await visitor.get('/write')).setCookies;
    const [cleared] = (await visitor.get('/write/end')).setCookies;
    const attributes =
      'Domain=example.org; Path=/write; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Strict';
    expect(given).toMatch(new RegExp(`^__Secure-shop=[\\w-]{43}; ${attributes}$`));
    expect(cleared!.replace(/Max-Age=0; |Expires=.*? GMT; /g, '')).toBe(
      `__Secure-shop=; ${attributes}`,
    );
  });

  it('secure: auto follows the request, false never requires https', async () => {
    const auto = (await start({ cookie: { secure: 'auto' } })).visitor();
    expect((await auto.get('/write')).setCookies.join()).not.toContain('Secure');
    const never = (await start({ cookie: { secure: false } })).visitor();
    expect((await never.get('/write')).setCookies.join()).not.toContain('Secure');
  });

  it('secure: auto trusts a proxy if the framework does', async () => {
    if (platform !== 'express') return expect(platform).toBe('fastify');
    const trust = (app: unknown) => (app as NestExpressApplication).set('trust proxy', true);
    const visitor = (await start({ cookie: { secure: 'auto' } }, trust)).visitor();
    const headers = { 'x-forwarded-proto': 'https' };
    expect((await visitor.get('/write', { headers })).setCookies.join()).toContain('; Secure');
  });

  it('a Secure cookie over plain http is logged as a problem once, but not on localhost', async () => {
    const app = await start();
    await app.visitor().get('/write');
    await app.visitor().get('/write', { headers: { host: 'localhost:3000' } });
    const proxied = { host: 'shop.example', 'x-forwarded-proto': 'https' };
    await app.visitor().get('/write', { headers: proxied });
    expect(app.logged.warnings).toEqual([]);
    await app.visitor().get('/write', { headers: { host: 'shop.example' } });
    await app.visitor().get('/write', { headers: { host: 'shop.example' } });
    expect(app.logged.warnings).toEqual([expect.stringContaining('cookie is Secure')]);
  });

  it('cookies that a handler sets are kept', async () => {
    const { setCookies } = await (await start()).visitor().get('/both');
    expect(setCookies).toEqual(['theirs=1', expect.stringMatching(idCookie)]);
  });

  it('an id outside the cookie is ignored', async () => {
    const app = await start();
    const visitor = app.visitor();
    const { id } = (await visitor.get('/id')).json as { id: string };
    expect(visitor.cookie).toBe(`SID=${id}`);
    const headers = { 'x-session-id': id, authorization: `Bearer ${id}`, sid: id };
    const stranger = await app.visitor().get(`/read?SID=${id}`, { headers });
    expect(stranger.json).toEqual({ name: null });
  });

  it('responses that used the session are not stored by caches; others are not changed', async () => {
    const visitor = (await start()).visitor();
    const read = await visitor.get('/read');
    expect(read.headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Cookie' });
    const { headers } = await visitor.get('/untouched');
    expect(headers).not.toHaveProperty('cache-control');
    expect(headers).not.toHaveProperty('vary');
  });

  it('the application’s own Cache-Control is kept, and its Vary is extended', async () => {
    const { headers } = await (await start()).visitor().get('/own');
    expect(headers).toMatchObject({
      'cache-control': 'private, max-age=5',
      vary: 'Accept, Cookie',
    });
  });

  it('cacheControl sets another value, or none', async () => {
    const other = await (await start({ cacheControl: 'private' })).visitor().get('/read');
    expect(other.headers['cache-control']).toBe('private');
    const none = await (await start({ cacheControl: false })).visitor().get('/read');
    expect(none.headers).not.toHaveProperty('cache-control');
    expect(none.headers.vary).toBe('Cookie');
  });
});

describe('an application with a cookie-parser of its own', () => {
  let app: SessionApp;

  beforeAll(async () => {
    const prepare = (nest: { use(middleware: unknown): unknown }) =>
      nest.use(cookieParser('the application’s own secret'));
    app = await startSessionApp({ controllers: [HeadersController], prepare });
  });

  afterAll(() => app.close());

  it('does not affect sessions, and is not affected', async () => {
    const visitor = app.visitor();
    await visitor.get('/write');
    const cookie = `${visitor.cookie}; theme=dark; basket=j:[1]`;
    const { json } = await visitor.get('/parsed', { headers: { cookie } });
    expect(json).toMatchObject({
      name: 'Ada',
      cookies: { theme: 'dark', basket: [1] },
      signedCookies: {},
      secret: 'the application’s own secret',
    });
  });
});
