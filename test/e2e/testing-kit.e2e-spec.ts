import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';

import {
  Session,
  SessionModule,
  UserSessions,
  type SessionModuleOptions,
} from '../../src/index.js';
import { readSession, sessionCookie, sessionHeaders, TestSessions } from '../../src/testing.js';
import { visitor } from '../support/http-client.js';
import { LogRecord, PLATFORMS } from '../support/session-app.js';

@Controller()
class CartController {
  @Get('cart')
  cart(@Session() session: Session) {
    return { isNew: session.isNew, cart: session.cart ?? null };
  }

  @Get('add')
  add(@Session() session: Session) {
    session.update('cart', (cart: string[] = []) => [...cart, 'pear']);
  }
}

/** An application that keeps its sessions in a memcached, which is not there. */
function applicationWith(options: SessionModuleOptions) {
  @Module({
    imports: [SessionModule.forRoot({ memcached: '127.0.0.1:1', ...options })],
    controllers: [CartController],
  })
  class AppModule {}
  return AppModule;
}

const SECRETS = ['a secret of thirty-two characters or more'];

describe.each(PLATFORMS)('the test kit, on %s', (platform) => {
  let app: INestApplication;
  let sessions: TestSessions;
  let url: string;

  afterEach(() => app.close());

  async function start(options: SessionModuleOptions = {}): Promise<void> {
    sessions = new TestSessions();
    const builder = Test.createTestingModule({ imports: [applicationWith(options)] });
    const module = await sessions.into(builder).setLogger(new LogRecord()).compile();
    app =
      platform === 'fastify'
        ? module.createNestApplication(new FastifyAdapter())
        : module.createNestApplication();
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  }

  const get = (path: string, cookie = '') => visitor(url).get(path, { headers: { cookie } });

  it.each([
    ['plain', {}],
    ['signed and sealed', { secrets: SECRETS }],
    ['of another name', { cookie: { name: '__Host-SID' } }],
  ])("gives a visitor's cookie, %s, and reads the session back", async (_how, options) => {
    await start(options);
    const cookie = await sessionCookie(app, { cart: ['apple'] });
    expect((await get('/cart', cookie)).json).toEqual({ isNew: false, cart: ['apple'] });
    await get('/add', cookie);
    expect(await readSession(app, cookie)).toEqual({ cart: ['apple', 'pear'] });
  });

  it("gives a signed-in user's cookie", async () => {
    await start({ secrets: SECRETS });
    const cookie = await sessionCookie(app, { userId: '7', cart: ['apple'] });
    expect((await get('/cart', cookie)).json).toEqual({ isNew: false, cart: ['apple'] });
    expect(await readSession(app, cookie)).toEqual({ userId: '7', cart: ['apple'] });
    expect(await app.get(UserSessions).list('7')).toHaveLength(1);
    await app.get(UserSessions).revokeAll('7');
    expect(await readSession(app, cookie)).toBeUndefined();
    await expect(sessionCookie(app, { userId: 7 })).rejects.toThrow('String(id)');
  });

  it('gives the headers of a visitor whose id is in a header', async () => {
    await start({ transport: { header: 'x-session-id' }, secrets: SECRETS });
    const headers = await sessionHeaders(app, { cart: ['apple'] });
    expect(Object.keys(headers)).toEqual(['x-session-id']);
    expect((await visitor(url).get('/cart', { headers })).json.cart).toEqual(['apple']);
    expect(await readSession(app, headers)).toEqual({ cart: ['apple'] });
    await expect(sessionCookie(app)).rejects.toThrow('sessionHeaders()');
  });

  it('gives both, each for its kind of client, if the application takes both', async () => {
    await start({ transport: ['cookie', { header: 'x-session-id' }] });
    expect(await sessionCookie(app, { cart: [] })).toMatch(/^SID=/);
    const headers = await sessionHeaders(app, { cart: ['apple'] });
    expect(Object.keys(headers)).toEqual(['x-session-id']);
    expect((await visitor(url).get('/cart', { headers })).json.cart).toEqual(['apple']);
  });

  it('finds no session for an unknown id', async () => {
    await start();
    for (const cookie of ['', 'SID=x', `SID=${'A'.repeat(43)}`]) {
      expect(await readSession(app, cookie)).toBeUndefined();
    }
  });

  it('lets time pass: idle and absolute timeout', async () => {
    await start({ timeout: 600, absoluteTimeout: 1000 });
    const cookie = await sessionCookie(app, { cart: ['apple'] });
    sessions.clock.pass(599);
    expect((await get('/cart', cookie)).json.isNew).toBe(false);
    sessions.clock.pass(402);
    expect((await get('/cart', cookie)).json.isNew).toBe(true);

    const idle = await sessionCookie(app, { cart: ['apple'] });
    sessions.clock.pass(601);
    expect((await get('/cart', idle)).json.isNew).toBe(true);
  });

  it('lets time pass after a use, which renewed the session', async () => {
    await start({ timeout: 600 });
    const cookie = await sessionCookie(app, { cart: ['apple'] });
    sessions.clock.pass(500);
    expect((await get('/cart', cookie)).json.isNew).toBe(false);
    sessions.clock.pass(500);
    expect((await get('/cart', cookie)).json.isNew).toBe(false);
    sessions.clock.pass(601);
    expect((await get('/cart', cookie)).json.isNew).toBe(true);
  });

  it('lets the store fail, hang, conflict and lose its data', async () => {
    await start();
    const cookie = await sessionCookie(app, { cart: [] });
    sessions.store.fail();
    expect((await get('/cart', cookie)).status).toBe(503);

    sessions.store.hang(20);
    const began = performance.now();
    expect((await get('/cart', cookie)).status).toBe(503);
    expect(performance.now() - began).toBeGreaterThan(15);

    sessions.store.recover();
    sessions.store.conflict(3);
    expect((await get('/add', cookie)).status).toBe(200);
    expect(await readSession(app, cookie)).toEqual({ cart: ['pear'] });

    sessions.store.conflict(Infinity);
    expect((await get('/add', cookie)).status).toBe(503);

    sessions.store.recover();
    await sessions.store.lose();
    expect((await get('/cart', cookie)).json.isNew).toBe(true);
  });
});
