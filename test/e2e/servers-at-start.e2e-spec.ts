import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Query } from '@nestjs/common';

import { Session, SessionMonitor, type MemcachedOptions } from '../../src/index.js';
import type { Visitor } from '../support/http-client.js';
import { memcachedCommand, startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { scriptedMemcached } from '../support/scripted-memcached.js';
import { freePort, startServer } from '../support/server-process.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class PagesController {
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

  @Get('fill')
  fill(@Session() session: Session, @Query('bytes') bytes: string) {
    session.text = 'x'.repeat(Number(bytes));
  }
}

const SOME_COOKIE = `SID=${'A'.repeat(43)}`;
const AUTH = { username: 'ada', password: 'lovelace' };

describe.each(PLATFORMS)('memcached at start, on %s', (platform) => {
  let folder: string;
  let memcached: Memcached;
  let wire: RecordingProxy | undefined;
  let app: SessionApp;
  const cleanUps: (() => Promise<unknown>)[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'at-start-'));
    // memcached is another user.
    await chmod(folder, 0o755);
    await writeFile(join(folder, 'users'), `${AUTH.username}:${AUTH.password}\n`);
    cleanUps.push(() => rm(folder, { recursive: true }));
  });

  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    wire = undefined;
  });

  async function startApp(memcached: Partial<MemcachedOptions> & { servers: string }) {
    app = await startSessionApp({
      platform,
      options: { memcached },
      controllers: [PagesController],
    });
    cleanUps.push(() => app.close());
  }

  async function start(args: string[], options: Partial<MemcachedOptions> = {}): Promise<void> {
    memcached = await startMemcached({ args });
    cleanUps.push(() => memcached.stop());
    await startOver(memcached.port, options);
  }

  async function startOver(port: number, options: Partial<MemcachedOptions>): Promise<void> {
    wire = await recordingProxy(port);
    cleanUps.push(() => wire!.close());
    await startApp({ ...options, servers: wire.server });
  }

  /** With a server that wants a name and a password. */
  async function startGuarded(options: Partial<MemcachedOptions> = {}): Promise<void> {
    const port = await freePort();
    const args = ['-l', '127.0.0.1', '-p', String(port), '-Y', join(folder, 'users')];
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const server = await startServer('memcached', [...args, ...user]);
    cleanUps.push(() => server.end('SIGKILL'));
    while (!(await memcachedCommand(port, 'version').catch(() => ''))) {
      expect(server.hasExited).toBe(false);
    }
    await startOver(port, options);
  }

  const servers = () => app.app.get(SessionMonitor).servers;
  const told = () => app.logged.infos.filter((line) => line.startsWith('Sessions are kept in'));

  async function withSession(): Promise<Visitor> {
    const visitor = app.visitor();
    expect((await visitor.get('/write')).status).toBe(200);
    return visitor;
  }

  /** Requests that use a session are a 503, and are asked for once only; all others are served. */
  async function shouldRefuseSessions(most: number): Promise<void> {
    expect((await app.visitor().get('/untouched')).body).toBe('fine');
    wire?.reset();
    for (const path of ['/read', '/write', '/read', '/write']) {
      const response = await app.visitor().get(path, { headers: { cookie: SOME_COOKIE } });
      expect([path, response.status, response.setCookies]).toEqual([path, 503, []]);
    }
    expect(wire?.commands.length ?? 0).toBeLessThanOrEqual(most);
  }

  it('is logged with its version, and gets no other commands', async () => {
    await start([]);
    const { version } = await memcached.stats();
    expect(told()).toEqual([`Sessions are kept in memcached: ${wire!.server} (${version}).`]);
    expect(app.logged).toMatchObject({ errors: [], warnings: [] });
    expect(servers()).toEqual([{ server: wire!.server, state: 'up' }]);
    expect(wire!.commands.map(({ line }) => line)).toEqual([
      'version',
      'stats settings',
      'mg nestjs-session-manager:meta k c v',
    ]);
  });

  describe('with an item limit below maxBytes (-I 512k)', () => {
    beforeEach(() => start(['-I', '512k']));

    it('is reported in one line with the remedy, and by SessionMonitor', () => {
      const problem = expect.stringMatching(/524288 bytes at most.* -I/);
      expect(app.logged.errors).toEqual([problem]);
      expect(app.logged.errors[0]).toContain(wire!.server);
      expect(servers()).toEqual([{ server: wire!.server, state: 'up', problem }]);
    });

    it('refuses a session that is too large with a separate error, not as an outage', async () => {
      const visitor = await withSession();
      const { cookie } = visitor;
      const refused = await visitor.get('/fill?bytes=600000');
      expect([refused.status, refused.setCookies]).toEqual([500, []]);
      expect((await app.visitor().get('/fill?bytes=600000')).status).toBe(500);
      const errors = app.logged.errors.slice(1);
      expect(errors).toHaveLength(1); // of a kind, in a minute
      for (const line of errors) expect(line).toMatch(/SessionTooLargeError.* larger -I/);

      expect((await visitor.get('/read')).json).toEqual({ name: 'Ada' });
      expect(visitor.cookie).toBe(cookie);
      expect((await (await withSession()).get('/read')).json).toEqual({ name: 'Ada' });
      expect((await visitor.get('/fill?bytes=400000')).status).toBe(200);
      expect(servers()[0]!.state).toBe('up');
      expect([...app.logged.errors, ...app.logged.warnings].join()).not.toMatch(/store is/);
    });

    it('gives the same error for a session above maxBytes', async () => {
      const [one, other] = [await withSession(), await withSession()];
      const ofServer = await one.get('/fill?bytes=600000');
      const ofOption = await other.get('/fill?bytes=2000000');
      expect([ofServer.status, ofServer.body]).toEqual([ofOption.status, ofOption.body]);
    });
  });

  it('is reported in one line if it keeps no versions (-C), and refuses at once', async () => {
    await start(['-C']);
    const problem = expect.stringMatching(/keeps no versions.* -C/);
    expect(app.logged.errors).toEqual([problem]);
    expect(servers()).toMatchObject([{ server: wire!.server, problem }]);

    const visitor = app.visitor();
    wire!.reset();
    expect((await visitor.get('/write')).status).toBe(503);
    expect(visitor.cookie).toBe('');
    expect(await memcached.keys()).toEqual([]);
    expect(wire!.commands).toEqual([]);
    expect((await visitor.get('/untouched')).status).toBe(200);
    expect(app.logged.errors.length).toBeLessThanOrEqual(2);
  });

  it('is reported in one line if it requires a username and a password', async () => {
    await startGuarded();
    expect(app.logged.errors).toEqual([
      expect.stringMatching(/wants a name and a password .* give memcached\.auth/),
    ]);
    await shouldRefuseSessions(4);
    expect(app.logged.errors).toHaveLength(1);
  });

  it('is reported in one line if the password is wrong', async () => {
    await startGuarded({ auth: { ...AUTH, password: 'byron' } });
    expect(app.logged.errors).toEqual([expect.stringMatching(/did not accept .* memcached\.auth/)]);
    await shouldRefuseSessions(8);
    expect(app.logged.errors).toHaveLength(1);
    expect(app.logged.errors[0]).not.toContain('byron');
  });

  it('is logged with its version if the password is right', async () => {
    await startGuarded({ auth: AUTH });
    expect(told()).toEqual([expect.stringMatching(/\(\d+\.\d+\.\d+\)\.$/)]);
    expect((await (await withSession()).get('/read')).json).toEqual({ name: 'Ada' });
    expect(app.logged.errors).toEqual([]);
  });

  it('is reported in one line if it is down, and used as soon as it is up', async () => {
    const port = await freePort();
    const server = `127.0.0.1:${port}`;
    await startApp({ servers: server });
    expect(app.logged.errors).toEqual([expect.stringMatching(`${server} .*ECONNREFUSED`)]);
    await shouldRefuseSessions(0);
    expect(app.logged.errors).toHaveLength(1);

    memcached = await startMemcached({ port });
    cleanUps.push(() => memcached.stop());
    while (servers()[0]!.state === 'down') await new Promise((resolve) => setImmediate(resolve));
    expect((await (await withSession()).get('/read')).json).toEqual({ name: 'Ada' });
  });

  it('is down if it accepts no further connections, however rare the requests are', async () => {
    const full = await scriptedMemcached();
    cleanUps.push(() => full.close());
    full.answer(() => 'ERROR Too many open connections\r\n');
    await startApp({ servers: full.server });
    for (let times = 0; times < 20; times++) {
      const { status } = await app.visitor().get('/read', { headers: { cookie: SOME_COOKIE } });
      expect(status).toBe(503);
    }
    expect(servers()).toEqual([{ server: full.server, state: 'down' }]);
    expect(app.logged.errors).toEqual([expect.stringContaining('Too many open connections')]);
    expect(full.connections).toBeLessThan(20);
  });
});
