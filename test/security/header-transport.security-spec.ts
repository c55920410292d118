import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header } from '@nestjs/common';

import { Session, type SessionModuleOptions } from '../../src/index.js';
import { newSessionId } from '../../src/session/session-id.js';
import type { HttpResponse } from '../support/http-client.js';
import { PLATFORMS, type Platform } from '../support/session-app.js';
import {
  AccountController,
  idOf,
  securityWorld,
  type MemcachedSecurityWorld,
} from './security-world.js';

const NAME = 'x-session-id';
const ID = /^[\w-]{43}$/;
const SECRET = 'a secret of thirty-two characters';

@Controller('cached')
class CachedController {
  @Get()
  @Header('Cache-Control', 'public, max-age=600')
  @Header('Vary', 'Accept')
  cached(@Session() session: Session) {
    session.mark ??= 'cached';
    return 'cached';
  }
}

const open = (platform: Platform, options: SessionModuleOptions): Promise<MemcachedSecurityWorld> =>
  securityWorld({ platform, options, controllers: [AccountController, CachedController] });

const headerOf = ({ headers }: HttpResponse): string | undefined =>
  headers[NAME] as string | undefined;

describe.each(PLATFORMS)('a session id by header only, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await open(platform, { transport: { header: 'X-Session-Id' } });
  });

  afterAll(() => world.close());

  const get = (path: string, id?: string): Promise<HttpResponse> =>
    world.visitor().get(path, id === undefined ? {} : { headers: { [NAME]: id } });
  const newcomer = async (mark = 'Ada'): Promise<string> =>
    headerOf(await get(`/put?value=${mark}`))!;

  it('is sent with the first write, and no cookie is', async () => {
    const answer = await get('/put?value=Ada');
    expect(headerOf(answer)).toMatch(ID);
    expect(answer.setCookies).toEqual([]);
    expect((await get('/read', headerOf(answer))).json).toEqual({ mark: 'Ada' });
  });

  it('is accepted as a bearer token, too', async () => {
    expect((await get('/read', `Bearer ${await newcomer()}`)).json).toEqual({ mark: 'Ada' });
  });

  it('is not sent again with each response', async () => {
    const id = await newcomer();
    const answers = [await get('/read', id), await get('/put?value=Bob', id)];
    expect(answers.map(headerOf)).toEqual([undefined, undefined]);
  });

  it('A7.2.1: in a cookie, a query, a body or another header is ignored', async () => {
    const id = await newcomer();
    const stranger = world.visitor();
    const commands = await world.commandsOf(async () => {
      const answers = [
        await stranger.get(`/read?${NAME}=${id}&SID=${id}`),
        await stranger.post('/read', { [NAME]: id, SID: id }),
        await stranger.post('/read', new URLSearchParams({ [NAME]: id })),
        await stranger.get('/read', { headers: { cookie: `SID=${id}; ${NAME}=${id}` } }),
        await stranger.get('/read', { headers: { authorization: `Bearer ${id}` } }),
        await stranger.get('/read', { headers: { 'x-session': id } }),
      ];
      expect(answers.map(({ body }) => body)).toEqual(answers.map(() => '{}'));
    });
    expect(commands).toEqual([]);
  });

  it.each(['', 'Bearer', 'x', 'undefined', 'A'.repeat(44), `${'A'.repeat(42)}B`, 'x'.repeat(100)])(
    'with an invalid form causes no I/O: %p',
    async (value) => {
      const commands = await world.commandsOf(async () => {
        expect((await get('/read', value)).body).toBe('{}');
      });
      expect(commands).toEqual([]);
    },
  );

  it('CS: that is unknown is never adopted', async () => {
    const planted = newSessionId();
    const answer = await get('/put?value=Ada', planted);
    expect(headerOf(answer)).toMatch(ID);
    expect(headerOf(answer)).not.toBe(planted);
    expect((await get('/read', planted)).body).toBe('{}');
  });

  it('A7.2.4: is a new one after a sign-in, and the old one is invalid', async () => {
    const old = await newcomer();
    const renewed = headerOf(await get('/login', old))!;
    expect(renewed).toMatch(ID);
    expect(renewed).not.toBe(old);
    expect((await get('/read', old)).body).toBe('{}');
    expect((await get('/read', renewed)).json).toEqual({ mark: 'Ada', user: 'Ada' });
  });

  it('A7.4.1: is cleared by an empty header after a sign-out, and is invalid then', async () => {
    const id = await newcomer();
    const answer = await get('/logout', id);
    expect(headerOf(answer)).toBe('');
    expect(answer.setCookies).toEqual([]);
    expect((await get('/read', id)).body).toBe('{}');
  });

  it('is not cleared if none was sent', async () => {
    expect((await get('/logout')).headers).not.toHaveProperty(NAME);
  });

  it('A15.3.7: sent twice with different values gives no session, without I/O, and is logged once', async () => {
    const ids = [await newcomer('Ada'), await newcomer('Bob')];
    const { warnings } = world.app.logged;
    const commands = await world.commandsOf(async () => {
      const headers = { [NAME]: ids as unknown as string };
      expect((await world.visitor().get('/read', { headers })).body).toBe('{}');
    });
    expect(commands).toEqual([]);
    const told = warnings.filter((line) => line.includes('two different session ids'));
    expect(told).toHaveLength(1);
    expect(ids.some((id) => warnings.join().includes(id))).toBe(false);
  });

  it('A14.3.2: comes with no-store, and a Vary by the header', async () => {
    expect((await get('/read')).headers).toMatchObject({ 'cache-control': 'no-store', vary: NAME });
  });

  it('A14.3.2: is never stored by caches, whatever the handler sets', async () => {
    const first = await get('/cached');
    expect(first.headers).toMatchObject({ 'cache-control': 'no-store', vary: `Accept, ${NAME}` });
    const next = await get('/cached', headerOf(first));
    expect(next.headers).toMatchObject({ 'cache-control': 'public, max-age=600' });
  });

  it('A16.5.1: is not sent with the 503 of an outage', async () => {
    world.wire.failWrites(true);
    const answer = await get('/put?value=Ada');
    world.wire.failWrites(false);
    expect(answer.status).toBe(503);
    expect(answer.headers).not.toHaveProperty(NAME);
    expect(answer.setCookies).toEqual([]);
  });

  it('needs as many commands as a cookie: reading 1, writing 2', async () => {
    const id = await newcomer();
    expect(await world.commandsOf(() => get('/untouched', id))).toHaveLength(0);
    expect(await world.commandsOf(() => get('/read', id))).toHaveLength(1);
    expect(await world.commandsOf(() => get('/count', id))).toHaveLength(2);
  });
});

describe.each(PLATFORMS)('a session id by cookie or by header, on %s', (platform) => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await open(platform, { transport: ['cookie', { header: NAME }] });
  });

  afterAll(() => world.close());

  const byHeader = (path: string, id: string): Promise<HttpResponse> =>
    world.visitor().get(path, { headers: { [NAME]: id } });

  it('A3.3.4: is sent to a new client by cookie, which scripts cannot read, and not by header', async () => {
    const answer = await world.visitor().get('/put?value=Ada');
    expect(answer.setCookies).toEqual([expect.stringMatching(/^SID=[\w-]{43}; .*HttpOnly/)]);
    expect(answer.headers).not.toHaveProperty(NAME);
  });

  it.each(['', 'Bearer', 'none'])(
    'is sent by header only to a new client that sends the header: %j',
    async (value) => {
      const answer = await byHeader('/put?value=Ada', value);
      expect(headerOf(answer)).toMatch(ID);
      expect(answer.setCookies).toEqual([]);
      expect((await byHeader('/read', headerOf(answer)!)).json).toEqual({ mark: 'Ada' });
    },
  );

  it('A3.3.4: is never sent by header to a client with a cookie, also if a script requests it', async () => {
    const browser = await world.visitorWith('Ada');
    const before = idOf(browser);
    const asking = { headers: { [NAME]: '' } };
    expect((await browser.get('/read', asking)).json).toEqual({ mark: 'Ada' });
    const answer = await browser.get('/login', asking);
    expect(answer.headers).not.toHaveProperty(NAME);
    expect(idOf(browser)).not.toBe(before);
    const garbage = await browser.get('/put?value=Bob', { headers: { [NAME]: 'x' } });
    expect(garbage.headers).not.toHaveProperty(NAME);
  });

  it('is never sent by cookie to a client with the header', async () => {
    const id = headerOf(await byHeader('/put?value=Ada', ''))!;
    const answers = [await byHeader('/login', id), await byHeader('/logout', id)];
    expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([]);
  });

  it('A15.3.7: that differs between both gives no session, without I/O, and is logged once', async () => {
    const [ada, bob] = [await world.visitorWith('Ada'), await world.visitorWith('Bob')];
    const { warnings } = world.app.logged;
    const others = [idOf(bob), `Bearer ${idOf(bob)}`, 'x'];
    const commands = await world.commandsOf(async () => {
      for (const other of others) {
        expect((await ada.get('/read', { headers: { [NAME]: other } })).body).toBe('{}');
      }
    });
    expect(commands).toEqual([]);
    const told = warnings.filter((line) => line.includes('two different session ids'));
    expect(told).toHaveLength(1);
  });

  it('that is the same in both gives the session; both are cleared at its end, and a new id is a cookie', async () => {
    const browser = await world.visitorWith('Ada');
    const both = () => ({ headers: { [NAME]: idOf(browser) } });
    expect((await browser.get('/read', both())).json).toEqual({ mark: 'Ada' });
    const renewed = await browser.get('/login', both());
    expect(renewed.headers).not.toHaveProperty(NAME);
    const ended = await browser.get('/logout', both());
    expect([headerOf(ended), ended.setCookies]).toEqual(['', [expect.stringMatching(/^SID=;/)]]);
  });

  it('A14.3.2: comes with a Vary by both', async () => {
    expect((await world.visitor().get('/read')).headers.vary).toBe(`Cookie, ${NAME}`);
  });
});

describe('a session id in the Authorization header, or by cookie', () => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    const transport: SessionModuleOptions['transport'] = ['cookie', { header: 'authorization' }];
    world = await open('express', { transport, secrets: SECRET });
  });

  afterAll(() => world.close());

  it('is a signed bearer token when it is sent and read', async () => {
    const first = await world
      .visitor()
      .get('/put?value=Ada', { headers: { authorization: 'Bearer' } });
    const { authorization } = first.headers as { authorization: string };
    expect(authorization).toMatch(/^Bearer s:[\w-]{43}\./);
    const second = await world.visitor().get('/read', { headers: { authorization } });
    expect(second.json).toEqual({ mark: 'Ada' });
  });

  it.each(['Basic YTpi', 'Bearer eyJhbGciOiJub25lIn0.e30.', `Bearer ${newSessionId()}`])(
    'leaves a browser its session beside other credentials: %s',
    async (authorization) => {
      const browser = await world.visitorWith('Ada');
      const answer = await browser.get('/read', { headers: { authorization } });
      expect(answer.json).toEqual({ mark: 'Ada' });
      expect(world.app.logged.warnings).toEqual([]);
    },
  );

  it('that is not signed causes no I/O', async () => {
    const authorization = `Bearer s:${newSessionId()}.${'A'.repeat(43)}`;
    const commands = await world.commandsOf(async () => {
      expect((await world.visitor().get('/read', { headers: { authorization } })).body).toBe('{}');
    });
    expect(commands).toEqual([]);
  });
});

describe('a rotated session id, by header', () => {
  it('CS: is sent in the header', async () => {
    const world = await open('express', { transport: { header: NAME }, rotateEvery: 60 });
    try {
      const first = headerOf(await world.visitor().get('/put?value=Ada'))!;
      world.clock.pass(61);
      const second = headerOf(await world.visitor().get('/read', { headers: { [NAME]: first } }))!;
      expect(second).toMatch(ID);
      expect(second).not.toBe(first);
      const read = await world.visitor().get('/read', { headers: { [NAME]: second } });
      expect(read.json).toEqual({ mark: 'Ada' });
    } finally {
      await world.close();
    }
  });

  it('is not sent again like a persistent cookie, nor is the record rewritten', async () => {
    const world = await open('express', {
      transport: { header: NAME },
      cookie: { persistent: true },
    });
    try {
      const id = headerOf(await world.visitor().get('/put?value=Ada'))!;
      world.clock.pass(700);
      const commands = await world.commandsOf(() =>
        world.visitor().get('/read', { headers: { [NAME]: id } }),
      );
      expect(commands).toHaveLength(1);
    } finally {
      await world.close();
    }
  });
});
