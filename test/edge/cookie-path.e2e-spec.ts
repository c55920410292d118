import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import express from 'express';

import { Session, SessionModule } from '../../src/index.js';
import { visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

class MountedModule {}

@Controller()
class AnyPathController {
  @Get(['/', 'application', 'app', 'app/read'])
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Get(['write', 'app/write'])
  write(@Session() session: Session) {
    session.written = true;
    return 'written';
  }

  @Get('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('ada');
  }
}

describe.each(PLATFORMS)('cookie.path, on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;

  beforeEach(async () => {
    memcached = await startMemcached();
    app = await startSessionApp({
      platform,
      controllers: [AnyPathController],
      options: { memcached: memcached.server, cookie: { path: '/app', secure: false } },
    });
  });

  afterEach(async () => {
    await app.close();
    await memcached.stop();
  });

  it('keeps a session below it, whatever is written outside', async () => {
    const visitor = app.visitor();
    expect((await visitor.get('/app/write')).setCookies).toHaveLength(1);
    for (const path of ['/write', '/write?a=/app', '/app/read', '/app?x=1']) {
      expect((await visitor.get(path)).setCookies).toEqual([]);
    }
    expect((await visitor.get('/app')).json).toEqual({ written: true });
    expect(await memcached.keys()).toHaveLength(1);
  });

  it('lets a session begin wherever browsers send the cookie', async () => {
    for (const path of ['/app?x=1', '/app/', '/app/write?a=b']) {
      expect((await app.visitor().get(path)).status).toBeLessThan(500);
    }
    expect((await app.visitor().get('/app/write?a=b')).setCookies).toHaveLength(1);
    expect(app.logged.warnings).toEqual([]);
  });

  it('lets no session begin outside, and logs this once', async () => {
    for (let time = 0; time < 3; time++) {
      expect((await app.visitor().get('/write')).setCookies).toEqual([]);
    }
    expect(await memcached.keys()).toEqual([]);
    expect(app.logged.warnings).toEqual([expect.stringContaining('outside cookie.path')]);
    expect((await app.visitor().get('/application')).json).toEqual({});
  });

  it('refuses a sign-in outside with an error that names the remedy', async () => {
    const { status, setCookies } = await app.visitor().get('/sign-in');
    expect([status, setCookies]).toEqual([500, []]);
    expect(await memcached.keys()).toEqual([]);
  });
});

describe('cookie.path, of an application that is mounted', () => {
  let app: INestApplication;
  let server: Server;

  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    await app.close();
  });

  it.each([
    ['/app', '/write', 1],
    ['/app', '/app/write', 1],
    ['/other', '/app/write', 0],
    ['/application', '/write', 0],
  ])("is compared with the browser's URL: at %s, for %s", async (mountedAt, path, cookies) => {
    const nest = express();
    const module = {
      module: MountedModule,
      imports: [SessionModule.forRoot({ cookie: { path: '/app', secure: false } })],
      controllers: [AnyPathController],
    };
    app = await NestFactory.create(module, new ExpressAdapter(nest), { logger: false });
    await app.init();
    server = createServer(express().use(mountedAt, nest));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const response = await visitor(`http://127.0.0.1:${port}`).get(mountedAt + path);
    expect([response.status, response.setCookies.length]).toEqual([200, cookies]);
  });
});
