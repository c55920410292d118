import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Post } from '@nestjs/common';

import { Session, SessionManager } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class PagesController {
  @Get('write')
  write(@Session() session: Session) {
    session.name = 'Ada';
  }

  @Get('hot')
  hot(@Session({ readOnly: true }) session: Session) {
    return { name: session.name ?? null };
  }

  @Get('hot-with-its-own-caching')
  @Header('Cache-Control', 'private, max-age=5')
  hotWithItsOwnCaching(@Session({ readOnly: true }) session: Session) {
    return { name: session.name ?? null };
  }

  @Get('slip')
  slip(@Session({ readOnly: true }) session: Session) {
    session.name = 'Bob';
  }

  @Get('home')
  home(@Session({ onOutage: 'anonymous' }) session: Session) {
    return { name: session.name ?? null };
  }

  @Post('home')
  change(@Session({ onOutage: 'anonymous' }) session: Session) {
    session.name = 'Bob';
  }

  @Get('account')
  account(@Session() session: Session) {
    return { name: session.name ?? null };
  }
}

@Controller()
class MenuController {
  constructor(private readonly sessions: SessionManager) {}

  @Get('menu')
  async menu() {
    const session = await this.sessions.peek();
    return { name: session ? session.name : 'nobody' };
  }
}

describe.each(PLATFORMS)('the access options of a session, on %s', (platform) => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  let app: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
    const controllers = [PagesController, MenuController];
    app = await startSessionApp({ platform, options: { memcached: wire.server }, controllers });
  });

  afterAll(async () => {
    await app.close();
    await wire.close();
    await memcached.stop();
  });

  beforeEach(() => wire.refuse(false));

  async function ada() {
    const visitor = app.visitor();
    await visitor.get('/write');
    wire.reset();
    return visitor;
  }

  async function duringAnOutage(work: () => Promise<void>): Promise<void> {
    await wire.refuse(true);
    wire.cut();
    await work();
    await wire.refuse(false);
  }

  describe('with readOnly', () => {
    it('need one command, and the response has its cache headers', async () => {
      const visitor = await ada();
      const { json, headers, setCookies } = await visitor.get('/hot');
      expect(json).toEqual({ name: 'Ada' });
      expect(headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Cookie' });
      expect(setCookies).toEqual([]);
      expect(wire.commands.map(({ name }) => name)).toEqual(['mg']);
    });

    it("keep the route's own cache headers", async () => {
      const { headers } = await (await ada()).get('/hot-with-its-own-caching');
      expect(headers['cache-control']).toBe('private, max-age=5');
    });

    it('refuse a write with a 500 and a line in the log, and store nothing', async () => {
      const visitor = await ada();
      expect((await visitor.get('/slip')).status).toBe(500);
      expect(app.logged.errors.at(-1)).toContain('readOnly: true');
      expect((await visitor.get('/hot')).json).toEqual({ name: 'Ada' });
    });
  });

  describe("with onOutage: 'anonymous'", () => {
    it('serve an anonymous session in an outage, change no cookie, and refuse writes', async () => {
      const visitor = await ada();
      const { cookie } = visitor;
      await duringAnOutage(async () => {
        const home = await visitor.get('/home');
        expect([home.status, home.json, home.setCookies]).toEqual([200, { name: null }, []]);
        const change = await visitor.post('/home');
        expect([change.status, change.setCookies]).toEqual([503, []]);
        expect((await visitor.get('/account')).status).toBe(503);
      });
      expect(visitor.cookie).toBe(cookie);
    });

    it('give the stored session otherwise', async () => {
      const visitor = await ada();
      expect((await visitor.get('/home')).json).toEqual({ name: 'Ada' });
      expect((await visitor.post('/home')).status).toBe(201);
      expect((await visitor.get('/home')).json).toEqual({ name: 'Bob' });
    });
  });

  it('by peek() create no session', async () => {
    const newcomer = await app.visitor().get('/menu');
    expect([newcomer.json, newcomer.setCookies]).toEqual([{ name: 'nobody' }, []]);
    expect((await (await ada()).get('/menu')).json).toEqual({ name: 'Ada' });
  });
});

describe('the option onOutage', () => {
  it('applies to all routes without their own', async () => {
    const memcached = await startMemcached();
    const app = await startSessionApp({
      options: { memcached: memcached.server, onOutage: 'anonymous' },
      controllers: [PagesController],
    });
    const visitor = app.visitor();
    await visitor.get('/write');
    await memcached.kill();
    expect((await visitor.get('/account')).json).toEqual({ name: null });
    expect((await visitor.get('/write')).status).toBe(503);
    await app.close();
  });
});
