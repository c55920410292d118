import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

import { Session, SessionOptionsError, type SessionCookieOptions } from '../../src/index.js';
import { PLATFORMS, startSessionApp } from '../support/session-app.js';
import {
  AccountController,
  idOf,
  securityWorld,
  type MemcachedSecurityWorld,
} from './security-world.js';

type AnyResponse = ServerResponse & { raw?: ServerResponse };

/** Set for each visitor, as constants are. */
const SHARED = ['a=1', 'b=2'];

/** Routes that set cookies of their own, each another way. */
@Controller('cookies')
class CookiesController {
  @Get('set-header')
  setHeader(@Session() session: Session, @Res({ passthrough: true }) response: AnyResponse) {
    (response.raw ?? response).setHeader('Set-Cookie', ['a=1', 'b=2']);
    session.mark = 1;
  }

  @Get('shared')
  shared(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 1;
    (response.raw ?? response).setHeader('Set-Cookie', SHARED);
    (response.raw ?? response).end();
  }

  @Get('afterwards')
  afterwards(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 1;
    const raw = response.raw ?? response;
    raw.appendHeader('Set-Cookie', 'a=1');
    raw.appendHeader('Set-Cookie', 'b=2');
    raw.end();
  }

  @Get('object')
  object(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 1;
    (response.raw ?? response).writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end();
  }

  @Get('list')
  list(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 1;
    const headers = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'];
    (response.raw ?? response).writeHead(200, headers).end();
  }

  @Get('pairs')
  pairs(@Session() session: Session, @Res() response: AnyResponse) {
    session.mark = 1;
    const headers = [
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ] as unknown as string[];
    (response.raw ?? response).writeHead(200, headers).end();
  }
}

describe.each(PLATFORMS)('the session cookie, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({ platform, controllers: [AccountController, CookiesController] });
  });

  afterAll(() => world.close());

  it('A3.3.1-4: is HttpOnly, Secure, SameSite=Lax, for / and this host, from the first write on', async () => {
    const { setCookies } = await world.visitor().get('/put');
    expect(setCookies).toEqual([
      expect.stringMatching(/^SID=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ]);
  });

  it('A3.3.1-4: holds the id, which appears nowhere else in the response', async () => {
    const visitor = world.visitor();
    const { headers, body } = await visitor.get('/put');
    const { 'set-cookie': _cookie, ...others } = headers;
    expect(JSON.stringify(others) + body).not.toContain(idOf(visitor));
    const read = await visitor.get('/read');
    expect(JSON.stringify(read.headers) + read.body).not.toContain(idOf(visitor));
  });

  it('A3.3.1-4: is not sent again with each response', async () => {
    const visitor = await world.visitorWith('Ada');
    const answers = [await visitor.get('/read'), await visitor.get('/put')];
    expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([]);
  });

  it.each(['set-header', 'afterwards', 'object', 'list', 'pairs'])(
    'CVE-2025-7339: does not change cookies that a handler sets: %s',
    async (way) => {
      const visitor = world.visitor();
      const { setCookies, status } = await visitor.get(`/cookies/${way}`);
      expect(status).toBe(200);
      expect(setCookies).toEqual(['a=1', 'b=2', expect.stringMatching(/^SID=/)]);
      expect((await visitor.get('/read')).json).toEqual({ mark: 1 });
    },
  );

  it.each(['shared', 'object', 'list'])(
    'is sent to its visitor only, although the application sets the same cookies for all: %s',
    async (way) => {
      const visitors = [world.visitor(), world.visitor(), world.visitor()];
      for (const visitor of visitors) {
        expect((await visitor.get(`/cookies/${way}`)).setCookies).toHaveLength(3);
      }
      expect(SHARED).toEqual(['a=1', 'b=2']);
      expect(new Set(visitors.map(idOf)).size).toBe(3);
    },
  );

  it('A15.3.7: sent twice with different values gives no session, without I/O, and is logged once', async () => {
    const [ada, bob] = [await world.visitorWith('Ada'), await world.visitorWith('Bob')];
    const { warnings } = world.app.logged;
    const tossed = [`${ada.cookie}; ${bob.cookie}`, `${ada.cookie}; SID=x`, `SID=; ${ada.cookie}`];
    const commands = await world.commandsOf(async () => {
      for (const cookie of tossed) {
        expect((await world.sender(cookie).get('/read', { headers: { cookie } })).body).toBe('{}');
      }
    });
    expect(commands).toEqual([]);
    const told = warnings.filter((line) => line.includes('two different session cookies'));
    expect(told).toHaveLength(1);
    expect(warnings.join()).not.toContain(idOf(ada));
  });

  it('A15.3.7: sent twice with the same value gives the session', async () => {
    const { cookie } = await world.visitorWith('Ada');
    const answer = await world.visitor().get('/read', {
      headers: { cookie: `${cookie}; other=1; ${cookie}` },
    });
    expect(answer.json).toEqual({ mark: 'Ada' });
  });
});

describe('cookie options', () => {
  const start = (cookie: object) => startSessionApp({ controllers: [], options: { cookie } });

  it.each([
    [{ name: '__Host-SID', path: '/put' }],
    [{ name: '__Host-SID', domain: 'example.org' }],
    [{ name: '__Host-SID', secure: false }],
    [{ name: '__Host-SID', secure: 'auto' }],
    [{ name: '__host-sid', path: '/put' }],
    [{ name: '__Secure-SID', secure: false }],
    [{ name: '__Secure-SID', secure: 'auto' }],
    [{ name: '__SECURE-SID', secure: false }],
    [{ sameSite: 'none', secure: false }],
    [{ sameSite: 'none', secure: 'auto' }],
    [{ partitioned: true, secure: false }],
    [{ httpOnly: false }],
  ])('RFC 6265bis: %j is refused at start, as browsers would drop the cookie', async (cookie) => {
    await expect(start(cookie)).rejects.toBeInstanceOf(SessionOptionsError);
  });

  it.each([
    [{ name: '__Host-SID' }, /^__Host-SID=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/],
    [
      { name: '__Secure-SID', domain: 'example.org', path: '/put', sameSite: 'strict' },
      /^__Secure-SID=[\w-]{43}; Domain=example.org; Path=\/put; HttpOnly; Secure; SameSite=Strict$/,
    ],
    [{ sameSite: 'none', partitioned: true }, /; Secure; Partitioned; SameSite=None$/],
  ])('RFC 6265bis: %j is enforced', async (cookie, expected) => {
    const world = await securityWorld({ options: { cookie: cookie as SessionCookieOptions } });
    try {
      expect((await world.visitor().get('/put')).setCookies).toEqual([
        expect.stringMatching(expected),
      ]);
    } finally {
      await world.close();
    }
  });

  it.each([
    [{ name: 'SID=1; Path' }],
    [{ name: 'SID\r\nX-Evil: 1' }],
    [{ name: 'S ID' }],
    [{ name: 'SID\0' }],
    [{ name: '' }],
    [{ path: '/; Domain=evil.example' }],
    [{ path: '/\r\nX-Evil: 1' }],
    [{ path: 'shop' }],
    [{ domain: 'example.org; Path=/x' }],
    [{ domain: 'example.org\nX-Evil: 1' }],
    [{ domain: 'exämple.org' }],
  ])('CVE-2024-47764: %j is refused at start', async (cookie) => {
    await expect(start(cookie)).rejects.toBeInstanceOf(SessionOptionsError);
  });
});
