import { mkdtemp, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { SessionStoreError } from '../../../src/session/errors.js';
import { memcachedCommand, startMemcached, type Memcached } from '../../support/memcached.js';
import { scriptedMemcached, type ScriptedMemcached } from '../../support/scripted-memcached.js';
import { freePort, startServer } from '../../support/server-process.js';
import { KEY_PREFIX, TIMEOUT } from '../../support/stores.js';
import { watchedStore, type WatchedStore } from '../../support/watched-store.js';

const MAX_BYTES = 1_000_000;

let open: WatchedStore;
let stops: (() => Promise<void>)[];

beforeEach(() => {
  stops = [];
});

afterEach(async () => {
  await open.keyv.disconnect();
  await Promise.all(stops.map((stop) => stop()));
});

async function start(args: string[] = [], port?: number): Promise<Memcached> {
  const memcached = await startMemcached({ args, ...(port !== undefined && { port }) });
  stops.push(() => memcached.stop());
  return memcached;
}

describe('a diagnosis of memcached', () => {
  it('reports its version, and no problem', async () => {
    const { server } = await start();
    open = watchedStore(server);
    const [found] = await open.diagnose(MAX_BYTES);
    expect(found).toEqual({ server, version: expect.stringMatching(/^1\.\d+\.\d+/) });
    expect(open.servers[0]!.report).toEqual({ server, state: 'up' });
    expect(open.told).toEqual([]);
  });

  it('reports that it keeps no versions (-C)', async () => {
    const { server } = await start(['-C']);
    open = watchedStore(server);
    const [found] = await open.diagnose(MAX_BYTES);
    expect(found).toMatchObject({ server, problem: expect.stringMatching(/start it without -C/) });
    expect(open.servers[0]!.report).toMatchObject({ state: 'up', problem: found!.problem });
  });

  it('reports an item limit below maxBytes (-I)', async () => {
    const { server } = await start(['-I', '512k']);
    open = watchedStore(server);
    const [found] = await open.diagnose(MAX_BYTES);
    expect(found!.problem).toBe(
      'It takes items of 524288 bytes at most, and maxBytes is 1000000: start it with a larger -I, or ' +
        'lower maxBytes.',
    );
  });

  it.each([524_288, 100])('reports no problem for sessions of %d bytes then', async (maxBytes) => {
    const { server } = await start(['-I', '512k']);
    open = watchedStore(server);
    expect((await open.diagnose(maxBytes))[0]!.problem).toBeUndefined();
  });

  it('reports the problem of each of several', async () => {
    const servers = [await start(), await start(['-C'])];
    open = watchedStore(servers.map(({ server }) => server));
    const found = await open.diagnose(MAX_BYTES);
    expect(found.map(({ problem }) => problem)).toEqual([undefined, expect.stringMatching(/-C/)]);
  });

  it('reports after a restart that the problem is solved', async () => {
    const memcached = await start(['-C']);
    const { server, port } = memcached;
    open = watchedStore(server);
    await open.diagnose(MAX_BYTES);
    await memcached.kill();
    for (let time = 0; time < 5; time++) await open.servers[0]!.check();
    await start([], port);
    await open.untilTold(/^back/);
    while (open.servers[0]!.problem !== undefined) await delay(10);
    expect(open.told.filter((line) => line.startsWith('memcached'))).toEqual([]);
    expect(await open.store.create('sess:a', 'text', TIMEOUT)).toBe('stored');
  });

  it('reports after a restart a new problem', async () => {
    const memcached = await start();
    const { server, port } = memcached;
    open = watchedStore(server);
    await open.diagnose(MAX_BYTES);
    await memcached.kill();
    for (let time = 0; time < 5; time++) await open.servers[0]!.check();
    await start(['-C'], port);
    expect(await open.untilTold(/^memcached/)).toMatch(
      new RegExp(`^memcached ${server}: It keeps no versions.* start it without -C`),
    );
    expect(open.servers[0]!.report.problem).toMatch(/-C/);
  });

  it('of an unreachable server reports its name only, and an outage', async () => {
    const server = `127.0.0.1:${await freePort()}`;
    open = watchedStore(server);
    expect(await open.diagnose(MAX_BYTES)).toEqual([{ server }]);
    expect(open.told).toEqual([
      expect.stringMatching(new RegExp(`^down ${server}: .*ECONNREFUSED`)),
    ]);
  });

  it('of one that hangs ends in time', async () => {
    const memcached = await start();
    memcached.pause();
    open = watchedStore({ servers: memcached.server, timeout: 200 });
    const began = performance.now();
    expect(await open.diagnose(MAX_BYTES)).toEqual([{ server: memcached.server }]);
    expect(performance.now() - began).toBeLessThan(5_000); // without a time-out it has no end
    memcached.resume();
  });
});

describe('a diagnosis of memcached with a password', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'diagnosis-'));
    await writeFile(join(folder, 'users'), 'app:open-sesame\n');
    await chmod(folder, 0o755);
  });

  afterAll(() => rm(folder, { recursive: true }));

  const startAsking = async (): Promise<string> => {
    const port = await freePort();
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    const args = ['-l', '127.0.0.1', '-p', String(port), '-Y', join(folder, 'users'), ...user];
    const server = await startServer('memcached', args);
    stops.push(() => server.end('SIGKILL'));
    const answersAtAll = () => memcachedCommand(port, 'version', 1_000).catch(() => '');
    while (!(await answersAtAll())) await delay(10);
    return `127.0.0.1:${port}`;
  };
  const AUTH = { username: 'app', password: 'open-sesame' };

  it('reports no problem with the right password', async () => {
    const server = await startAsking();
    open = watchedStore({ servers: server, auth: AUTH });
    expect(await open.diagnose(MAX_BYTES)).toEqual([{ server, version: expect.any(String) }]);
    expect(open.told).toEqual([]);
  });

  it.each([
    ['has none', undefined, /\(unauthenticated\); give memcached\.auth$/],
    [
      'has a wrong one',
      { ...AUTH, password: 'SECRET' },
      /did not accept username and password; check memcached\.auth$/,
    ],
  ])('reports an outage with the remedy if it %s', async (_which, auth, reason) => {
    const server = await startAsking();
    open = watchedStore({ servers: server, auth });
    expect(await open.diagnose(MAX_BYTES)).toEqual([{ server }]);
    expect(open.told).toEqual([expect.stringMatching(reason)]);
    expect(open.told[0]).not.toMatch(/SECRET|open-sesame/);
    await expect(open.store.find('sess:a')).rejects.toBeInstanceOf(SessionStoreError);
  });
});

describe('a diagnosis of a similar server', () => {
  let server: ScriptedMemcached;

  beforeEach(async () => {
    server = await scriptedMemcached();
    stops.push(() => server.close());
    open = watchedStore({ servers: server.server, timeout: 200 });
  });

  const answer = (version: string, settings: string | undefined) =>
    server.answer(({ name }) => (name === 'version' ? `${version}\r\n` : settings));
  const look = async () => (await open.diagnose(MAX_BYTES))[0]!;

  it.each(['1.4.39', '1.4.0', '0.9.1'])('reports that %s is too old', async (version) => {
    answer(`VERSION ${version}`, 'END\r\n');
    expect(await look()).toEqual({
      server: server.server,
      version,
      problem: `It is memcached ${version}, and sessions need 1.5.3 or newer.`,
    });
  });

  it.each(['1.5.3', '1.5.22-aws', '1.10.3', '2.0', '1.6.18', 'dev', 'UNKNOWN'])(
    'accepts %s',
    async (version) => {
      answer(`VERSION ${version}`, 'END\r\n');
      expect(await look()).toEqual({ server: server.server, version, problem: undefined });
    },
  );

  it.each([
    ['ERROR', 'ERROR\r\n'],
    ['that it may not', 'CLIENT_ERROR not allowed\r\n'],
    ['nothing at all', 'END\r\n'],
    ['other settings only', 'STAT maxconns 1024\r\nEND\r\n'],
    ['a size that is not a number', 'STAT item_size_max 1m\r\nEND\r\n'],
    ['no reply of memcached', 'SECRET\n'],
  ])('reports no problem if `stats settings` is answered with %s', async (_what, settings) => {
    answer('VERSION 1.6.18', settings);
    expect(await look()).toEqual({
      ...{ server: server.server, version: '1.6.18', problem: undefined },
    });
  });

  it('reports no outage if `stats settings` is answered with ERROR', async () => {
    answer('VERSION 1.6.18', 'ERROR\r\n');
    await look();
    expect(open.told).toEqual([]);
    expect(open.servers[0]!.state).toBe('up');
  });

  it('ends in time if `stats settings` is never answered', async () => {
    answer('VERSION 1.6.18', undefined);
    const began = performance.now();
    expect(await look()).toMatchObject({ version: '1.6.18' });
    expect(performance.now() - began).toBeLessThan(5_000); // without a time-out it has no end
  });

  it.each(['HTTP/1.1 400 Bad Request', 'SSH-2.0-OpenSSH_9.2', '-ERR unknown command', 'ERROR'])(
    'reports an outage if it answers %s',
    async (line) => {
      answer(line, undefined);
      expect(await look()).toEqual({ server: server.server });
      expect(open.told).toEqual([expect.stringMatching(/^down .*memcached sent/)]);
    },
  );
});

describe('reading sessions by the meta protocol', () => {
  const KEY = `${KEY_PREFIX}key`;
  const FOUND = `VA 7 k${KEY} c12\r\na value\r\n`;

  /** What a server that answers so has been asked for a session. */
  async function askedOf(version: string, meta: string): Promise<string[]> {
    const scripted = await scriptedMemcached();
    stops.push(() => scripted.close());
    const asked: string[] = [];
    scripted.answer(({ name, key }) => {
      if (name === 'version') return `VERSION ${version}\r\n`;
      if (name === 'stats') return 'END\r\n';
      if (name === 'mg' && key !== KEY) return meta;
      asked.push(name);
      return name === 'mg' ? FOUND : `VALUE ${KEY} 0 7 12\r\na value\r\nEND\r\n`;
    });
    open = watchedStore(scripted.server);
    await open.diagnose(MAX_BYTES);
    expect(await open.store.find(KEY, 60)).toMatchObject({ text: 'a value', version: '12' });
    return asked;
  }

  it.each([
    ['1.6.18', 'EN\r\n', ['mg']],
    ['1.6.45', 'EN\r\n', ['mg']],
    ['1.7', 'EN\r\n', ['mg']],
    ['1.6.17', 'EN\r\n', ['gats']],
    ['1.5.22', 'ERROR\r\n', ['gats']],
    // A proxy that knows only the classic protocol.
    ['1.6.40', 'ERROR\r\n', ['gats']],
    ['1.6.40', 'CLIENT_ERROR unknown command\r\n', ['gats']],
    ['a proxy', 'EN\r\n', ['gats']],
  ])('depends on the server: version %s, %j', async (version, meta, asked) => {
    expect(await askedOf(version, meta)).toEqual(asked);
  });

  it('ends if another server without it takes the address', async () => {
    const scripted = await scriptedMemcached();
    stops.push(() => scripted.close());
    const script = (meta: string) =>
      scripted.answer(({ name, key }) => {
        if (name === 'version') return 'VERSION 1.6.18\r\n';
        if (name === 'mg') return key === KEY ? meta : 'EN\r\n';
        return 'END\r\n';
      });
    script(FOUND);
    open = watchedStore(scripted.server);
    await open.diagnose(MAX_BYTES);
    expect(await open.store.find(KEY, 60)).toBeDefined();
    script('ERROR\r\n');
    await expect(open.store.find(KEY, 60)).rejects.toThrow(SessionStoreError);
    expect(await open.store.find(KEY, 60)).toBeUndefined();
  });
});
