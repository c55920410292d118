import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, Req } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Request } from 'express';
import session from 'express-session';

import { requestSession } from '../../../src/express-session.js';
import type { SessionCookieOptions } from '../../../src/index.js';
import { startSessionApp, type SessionApp } from '../../support/session-app.js';

type AnyRequest = Request & { session: Request['session'] & Record<string, unknown> };

@Controller('app')
class AppController {
  @Post()
  enter(@Req() { session }: AnyRequest) {
    session.name = 'Ada';
    // The lifetime is that of a module here, and none there.
    const {
      maxAge: _maxAge,
      originalMaxAge: _original,
      expires: _expires,
      ...own
    } = (session.cookie as unknown as { data: Record<string, unknown> }).data;
    return { ...own };
  }

  @Get()
  show(@Req() { session }: AnyRequest) {
    return { name: session.name ?? null };
  }
}

const COOKIES: SessionCookieOptions[] = [
  { secure: 'auto' },
  { secure: true },
  { secure: true, partitioned: true },
  { secure: 'auto', sameSite: 'strict', priority: 'high' },
  { secure: 'auto', domain: 'example.org' },
  { secure: 'auto', path: '/app' },
  { secure: true, sameSite: 'none', partitioned: true, domain: 'example.org', path: '/app' },
];

/** The attributes of a cookie, in any order: the names of both libraries' cookies differ. */
function attributesOf(line: string): string[] {
  return line
    .split(/; */)
    .slice(1)
    .map((attribute) => attribute.toLowerCase())
    .sort();
}

describe.each(COOKIES)('the cookie %j, compared with express-session', (cookie) => {
  const apps: SessionApp[] = [];

  beforeAll(async () => {
    const settings = { controllers: [AppController], options: { cookie }, trustProxy: true };
    const theirs = { resave: false, saveUninitialized: false, secret: 'a secret' };
    apps.push(
      await startSessionApp({
        ...settings,
        prepare: (app) => app.use(session({ ...theirs, cookie: { sameSite: 'lax', ...cookie } })),
      }),
      await startSessionApp({ ...settings, prepare: (app) => app.use(requestSession()) }),
      await startSessionApp({
        ...{ ...settings, platform: 'fastify' },
        prepare: (app) => void (app as NestFastifyApplication).register(requestSession()),
      }),
    );
  }, 60_000);

  afterAll(() => Promise.all(apps.map((app) => app.close())));

  /** The answers of express-session, and of this package on Express and on Fastify. */
  const answers = (scheme: string) =>
    Promise.all(
      apps.map(async (app) => {
        const headers = { 'x-forwarded-proto': scheme };
        const visitor = app.visitor();
        const { status, json, setCookies } = await visitor.post('/app', undefined, { headers });
        const shown = await visitor.get('/app', { headers });
        return { status, json, attributes: setCookies.map(attributesOf), shown: shown.json };
      }),
    );

  it('has the same attributes, and the same values to read', async () => {
    const [theirs, ...ours] = await answers('https');
    expect(theirs!.attributes).toHaveLength(1);
    expect(ours).toEqual([theirs, theirs]);
  });

  it('has the same over plain http, where no cookie is sent with secure: true', async () => {
    const [theirs, ...ours] = await answers('http');
    expect(theirs!.attributes).toHaveLength(cookie.secure === true ? 0 : 1);
    expect(ours).toEqual([theirs, theirs]);
  });
});
