import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Keyv } from 'keyv';

import type { SessionStore } from '../../../src/session/storage/store.js';
import { SessionStoreError } from '../../../src/session/errors.js';
import type { MemcachedOptions } from '../../../src/store/memcached/options.js';
import { memcachedStore } from '../../../src/store/memcached/store.js';
import { freePort, startServer, type ServerProcess } from '../../support/server-process.js';
import { sessionStoreOver, TIMEOUT } from '../../support/stores.js';

const tls = (name: string): string =>
  fileURLToPath(new URL(`../../support/tls/localhost-${name}.pem`, import.meta.url));
const AUTH = { username: 'app', password: 'open-sesame' };

let folder: string;
let server: ServerProcess;
let keyv: Keyv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memcached-access-'));
  await writeFile(join(folder, 'users'), `${AUTH.username}:${AUTH.password}\n`);
  await writeFile(join(folder, 'key'), readFileSync(tls('key')));
  // It runs as another user than a test of root's.
  await chmod(folder, 0o755);
});

afterAll(() => rm(folder, { recursive: true }));

afterEach(async () => {
  await keyv.disconnect();
  await server.end('SIGKILL');
});

async function open(args: string[], options: Partial<MemcachedOptions>): Promise<SessionStore> {
  const port = await freePort();
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  server = await startServer('memcached', [
    '-l',
    '127.0.0.1',
    '-p',
    String(port),
    ...user,
    ...args,
  ]);
  while (!(await accepts(port))) await delay(10);
  keyv = memcachedStore({ servers: `localhost:${port}`, ...options });
  return sessionStoreOver(keyv);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}

async function shouldKeepSessions(store: SessionStore): Promise<void> {
  const keys = Array.from({ length: 20 }, (_, n) => `sess:${n}`);
  // At once, so that many commands follow the first of the connection.
  await Promise.all(keys.map((key) => store.create(key, `text of ${key}`, TIMEOUT)));
  for (const key of keys) expect((await store.find(key))?.text).toBe(`text of ${key}`);
  const { version } = (await store.find('sess:0'))!;
  expect(await store.update('sess:0', 'changed', version, TIMEOUT)).toBe('stored');
  expect(await store.find('sess:missing')).toBeUndefined();
}

async function shouldBeRefused(store: SessionStore, reason: RegExp): Promise<void> {
  const error: unknown = await store.find('sess:a').catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SessionStoreError);
  expect((error as Error).cause).toMatchObject({ message: expect.stringMatching(reason) });
}

describe("memcached's ASCII authentication", () => {
  const asked = () => ['-Y', join(folder, 'users')];

  it('accepts the right username and password', async () => {
    await shouldKeepSessions(await open(asked(), { auth: AUTH }));
  });

  it('accepts several connections', async () => {
    await shouldKeepSessions(await open(asked(), { auth: AUTH, connections: 3 }));
  });

  it('refuses a wrong password', async () => {
    const store = await open(asked(), { auth: { ...AUTH, password: 'wrong' } });
    await shouldBeRefused(store, /did not accept username and password/);
  });

  it('refuses a client without a password', async () => {
    await shouldBeRefused(await open(asked(), {}), /unauthenticated/);
  });

  it('is accepted by a server that does not require it', async () => {
    await shouldKeepSessions(await open([], { auth: AUTH }));
  });
});

describe('memcached over TLS', () => {
  const cert = () => [
    '-Z',
    ...['-o', `ssl_chain_cert=${tls('cert')}`],
    ...['-o', `ssl_key=${join(folder, 'key')}`],
  ];

  it('serves a client that trusts its certificate', async () => {
    await shouldKeepSessions(await open(cert(), { tls: { ca: readFileSync(tls('cert')) } }));
  });

  it('serves with authentication', async () => {
    const ca = readFileSync(tls('cert'));
    const args = [...cert(), '-Y', join(folder, 'users')];
    await shouldKeepSessions(await open(args, { tls: { ca }, auth: AUTH }));
  });

  it('is not used by a client that does not trust it', async () => {
    await shouldBeRefused(await open(cert(), { tls: {} }), /self-signed certificate/);
  });
});
