import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session, SessionManager, SessionStoreError } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class OutageController {
  @Get('untouched')
  untouched() {
    return 'fine';
  }

  @Get('read')
  read(@Session('name') name: string | undefined) {
    return { name: name ?? null };
  }

  @Get('write')
  write(@Session() session: Session) {
    session.name = 'Ada';
    return { name: 'Ada' };
  }

  @Get('caught')
  async caught(@Session() session: Session) {
    session.name = 'Bob';
    return session.save().then(
      () => 'saved',
      (error: unknown) => (error instanceof SessionStoreError ? error.code : 'another error'),
    );
  }
}

@Controller()
class LogoutController {
  constructor(private readonly sessions: SessionManager) {}

  @Get('logout')
  async logout() {
    await this.sessions.destroy();
    return 'signed out';
  }
}

/** An operation may take 500 ms; the rest is the noise of a busy machine. */
const WITHIN_THE_TIMEOUT = 1500;

describe.each(PLATFORMS)('an outage of memcached, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;

  beforeAll(async () => {
    memcached = await startMemcached();
    const options = { memcached: memcached.server };
    const controllers = [OutageController, LogoutController];
    app = await startSessionApp({ platform, options, controllers });
  });

  afterAll(async () => {
    await app.close();
    await memcached.stop();
  });

  async function shouldBeRefused(path: string, cookie: string) {
    const began = performance.now();
    const response = await app.visitor().get(path, { headers: { cookie } });
    expect(performance.now() - began).toBeLessThan(WITHIN_THE_TIMEOUT);
    expect(response.status).toBe(503);
    expect(response.setCookies).toEqual([]);
    expect(response.json).toEqual({ statusCode: 503, message: 'Service Unavailable' });
  }

  async function servedAgain(cookie: string, within: number) {
    const end = performance.now() + within;
    for (;;) {
      const response = await app.visitor().get('/read', { headers: { cookie } });
      if (response.status === 200) return response;
      expect(performance.now()).toBeLessThan(end);
    }
  }

  it('by a hanging server gives 503 within the timeout where the session is used, 200 elsewhere; then all as before', async () => {
    const visitor = app.visitor();
    await visitor.get('/write');
    memcached.pause();
    try {
      await shouldBeRefused('/read', visitor.cookie);
      await shouldBeRefused('/write', visitor.cookie);
      await shouldBeRefused('/write', '');
      await shouldBeRefused('/logout', visitor.cookie);
      const untouched = await visitor.get('/untouched');
      expect([untouched.status, untouched.body]).toEqual([200, 'fine']);
      expect((await app.visitor().get('/read')).json).toEqual({ name: null });
    } finally {
      memcached.resume();
    }
    expect((await servedAgain(visitor.cookie, 1000)).json).toEqual({ name: 'Ada' });
  });

  it('by a killed server gives 503 at once, an error that the application can catch, and ends within a second', async () => {
    const visitor = app.visitor();
    await visitor.get('/write');
    await memcached.kill();
    await shouldBeRefused('/read', visitor.cookie);
    await shouldBeRefused('/write', '');
    await shouldBeRefused('/logout', visitor.cookie);
    expect((await visitor.get('/untouched')).status).toBe(200);

    memcached = await startMemcached({ port: memcached.port });
    const served = await servedAgain(visitor.cookie, 1000);
    expect(served.json).toEqual({ name: null });
    expect(served.setCookies).toEqual([]);
  });

  it('in save() gives a 503, although the handler caught the error', async () => {
    const visitor = app.visitor();
    await visitor.get('/write');
    memcached.pause();
    try {
      await shouldBeRefused('/caught', '');
    } finally {
      memcached.resume();
    }
    await servedAgain(visitor.cookie, 1000);
    expect((await visitor.get('/caught')).body).toBe('saved');
    expect((await visitor.get('/read')).json).toEqual({ name: 'Bob' });
  });

  it('is logged once, without an id', () => {
    const began = app.logged.errors.filter((line) => line.includes(memcached.server));
    expect(began).toHaveLength(app.logged.errors.length);
    expect(began.length).toBeLessThanOrEqual(3);
    expect(app.logged.errors.join('\n')).not.toMatch(/[\w-]{43}/);
  });
});
