import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Query, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';

import { Session } from '../../src/index.js';
import { PLATFORMS } from '../support/session-app.js';
import {
  AccountController,
  idOf,
  securityWorld,
  type MemcachedSecurityWorld,
} from './security-world.js';

/** Routes that trust their visitors more than they should. */
@Controller()
class TrustingController {
  @Get('assign')
  assign(@Session() session: Session, @Query('json') json: string) {
    Object.assign(session, JSON.parse(json));
  }

  @Get('hints')
  hints(@Session() session: Session, @Res() response: ServerResponse & { raw?: ServerResponse }) {
    session.mark = 'hinted';
    const raw = response.raw ?? response;
    raw.writeEarlyHints({ link: '</style.css>; rel=preload' });
    raw.end('page');
  }
}

describe.each(PLATFORMS)('attacks, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld({ platform, controllers: [AccountController, TrustingController] });
  });

  afterAll(() => world.close());

  /** Sends these bytes over one connection and answers all that came back. */
  const raw = async (...requests: string[]): Promise<string> => {
    const { hostname, port } = new URL(world.app.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const answer = text(socket);
    socket.write(requests.join(''), 'latin1');
    return answer;
  };

  const request = (path: string, ...headers: string[]) =>
    [`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, '', ''].join('\r\n');

  it('requests of several visitors on one connection each get their own session', async () => {
    const marks = ['Ada', 'Bob', 'Cy', 'Dee'];
    const visitors = await Promise.all(marks.map((mark) => world.visitorWith(mark)));
    const requests = Array.from({ length: 40 }, (_, n) =>
      request('/read', `Cookie: ${visitors[n % 4]!.cookie}`),
    );
    const answers = await raw(...requests, request('/read', 'Connection: close'));
    const bodies = [...answers.matchAll(/\r\n\r\n(\{.*?\})(?=HTTP|$)/g)].map(([, body]) => body);
    const expected = Array.from({ length: 40 }, (_, n) => JSON.stringify({ mark: marks[n % 4] }));
    expect(bodies).toEqual([...expected, '{}']);
  });

  it('two Cookie headers count as one, and two different ids in them give no session', async () => {
    const [ada, bob] = [await world.visitorWith('Ada'), await world.visitorWith('Bob')];
    const headers = [`Cookie: ${ada.cookie}`, `Cookie: ${bob.cookie}`, 'Connection: close'];
    expect(await raw(request('/read', ...headers))).toMatch(/\r\n\r\n\{\}$/);
  });

  it.each([
    ['names that look like it', (id: string) => `xSID=${id}; SIDx=${id}; sid=${id}; $SID=${id}`],
    ['separators of other protocols', (id: string) => `a=1, SID=${id}`],
    ['a name in quotes', (id: string) => `"SID"=${id}`],
    ['a name that is encoded', (id: string) => `S%49D=${id}`],
    ['a value of another cookie', (id: string) => `a="SID=${id}"`],
    ['no equals sign', (id: string) => `SID ${id}`],
  ])('a cookie with %s is ignored', async (_what, forge) => {
    const id = idOf(await world.visitorWith('Ada'));
    const cookie = forge(id);
    expect((await world.visitor().get('/read', { headers: { cookie } })).body).toBe('{}');
  });

  it('as many cookies as Node.js accepts in a header are read without I/O', async () => {
    const cookie = Array.from({ length: 1_300 }, (_, n) => `SID=${n}`).join('; ');
    const commands = await world.commandsOf(async () => {
      expect((await world.visitor().get('/read', { headers: { cookie } })).body).toBe('{}');
    });
    expect(commands).toEqual([]);
  });

  it.each(['{"__proto__":{"isAdmin":true}}', '{"constructor":{"prototype":{"isAdmin":true}}}'])(
    'an object of a visitor that is assigned to the session changes no prototype: %s',
    async (json) => {
      const visitor = await world.visitorWith('Ada');
      const { status } = await visitor.get(`/assign?json=${encodeURIComponent(json)}`);
      expect(status).toBe(500);
      expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada' });
      expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    },
  );

  it.each(['destroy', 'save', 'regenerate', 'id', 'toJSON', 'get', 'isNew'])(
    'an object of a visitor that is assigned to the session replaces no method: %s',
    async (name) => {
      const visitor = await world.visitorWith('Ada');
      const json = encodeURIComponent(JSON.stringify({ [name]: 'mine' }));
      expect((await visitor.get(`/assign?json=${json}`)).status).toBe(500);
      expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada' });
    },
  );

  it('an entry of that name leaves the session intact', async () => {
    const visitor = await world.visitorWith('Ada');
    await visitor.get('/put?key=then&value=x');
    expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada', then: 'x' });
    expect((await visitor.get('/login')).status).toBeLessThan(300);
  });

  it('early hints carry no cookie', async () => {
    const answer = await raw(request('/hints', 'Connection: close'));
    const [hints, page] = answer.split('\r\n\r\n');
    expect(hints).toMatch(/^HTTP\/1.1 103 /);
    expect(hints).not.toMatch(/set-cookie/i);
    expect(page).toMatch(/^HTTP\/1.1 200 OK[^]*Set-Cookie: SID=/);
  });

  it('a visitor who sends Expect: 100-continue gets it, and the session', async () => {
    const { cookie } = await world.visitorWith('Ada');
    const post = [
      ...['POST /read HTTP/1.1', 'Host: localhost', `Cookie: ${cookie}`, 'Expect: 100-continue'],
      ...['Content-Type: application/json', 'Content-Length: 2', 'Connection: close', '', '{}'],
    ].join('\r\n');
    expect(await raw(post)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 [^]*"Ada"/);
  });
});
