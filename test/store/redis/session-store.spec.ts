import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis as IoRedis } from 'ioredis';
import { createClient } from 'redis';

import type { SessionStore } from '../../../src/session/storage/store.js';
import type { RedisLocation } from '../../../src/store/redis/options.js';
import { redisSessionStore } from '../../../src/store/redis/store.js';
import { freePort } from '../../support/server-process.js';
import { useRedis } from '../../support/hooks.js';
import { startRedis } from '../../support/redis.js';

const LIFE = 1200;

describe('sessions in Redis', () => {
  const redis = useRedis();
  const opened: SessionStore[] = [];
  let key: string;
  let store: ReturnType<typeof open>;

  beforeEach(() => {
    key = `sess:${Math.random()}`;
    store = open(redis.url);
  });

  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close?.();
  });

  function open(location: RedisLocation) {
    const store = redisSessionStore(location);
    opened.push(store);
    return store;
  }

  const stored = async (): Promise<string> => {
    await store.create(key, 'text', LIFE);
    return (await store.find(key))!.version;
  };

  it('need one command for each operation, also for repeated scripts', async () => {
    const names = ['get', 'getex', 'set', 'eval', 'evalsha'];
    const version = await stored();
    await store.update(key, 'more', version, LIFE);
    const { version: next } = (await store.find(key, LIFE))!;
    const before = await redis.calls(...names, 'getrange', 'del');
    expect(await store.find(key, LIFE)).toMatchObject({ text: 'more' });
    expect(await store.update(key, 'most', next, LIFE)).toBe('stored');
    const inScripts = 2; // GETRANGE and SET
    expect((await redis.calls(...names, 'getrange', 'del')) - before).toBe(2 + inScripts);
  });

  it('need no timer of the client for an operation, which has a deadline already', async () => {
    const signals = jest.spyOn(AbortSignal, 'timeout');
    const version = await stored();
    await store.update(key, 'more', version, LIFE);
    expect(signals).not.toHaveBeenCalled();
    signals.mockRestore();
  });

  it('send a script again after the server has dropped it', async () => {
    const version = await stored();
    await redis.command('SCRIPT', 'FLUSH');
    expect(await store.update(key, 'more', version, LIFE)).toBe('stored');
    await redis.command('SCRIPT', 'FLUSH');
    expect(await store.remove(key, version)).toBe('changed');
  });

  it('return the result of the first attempt if an update is sent twice', async () => {
    const version = await stored();
    const client = createClient({ url: redis.url });
    const twice = open(client);
    const connection = (twice as unknown as { connection: { send: Send } }).connection;
    const send = connection.send.bind(connection);
    connection.send = async (...args) => {
      await send(...args);
      return send(...args);
    };
    expect(await twice.update(key, 'once', version, LIFE)).toBe('stored');
    expect(await twice.create(`${key}2`, 'once', LIFE)).toBe('stored');
    expect(await store.find(key)).toMatchObject({ text: 'once' });
  });
  type Send = (...args: unknown[]) => Promise<unknown>;

  it.each<[string, string[]]>([
    ['a text', ['SET', 'text of another application']],
    ['a number', ['SET', '7']],
    ['a list', ['RPUSH', 'a', 'b']],
    ['a hash', ['HSET', 'a', 'b']],
  ])('can replace a value of other software: %s', async (_what, [name, ...values]) => {
    await redis.command(name!, key, ...values);
    const found = (await store.find(key, LIFE))!;
    expect(await store.create(key, 'mine', LIFE)).toBe('taken');
    expect(await store.update(key, 'mine', 'A'.repeat(16), LIFE)).toBe('changed');
    expect(await store.update(key, 'mine', found.version, LIFE)).toBe('stored');
    expect(await store.find(key, LIFE)).toMatchObject({ text: 'mine' });
  });

  it('publish removals to other processes, but not to their own', async () => {
    const received: Record<string, string[]> = { mine: [], theirs: [], silent: [] };
    const [mine, theirs] = [1, 2].map(() => open({ url: redis.url, tellOthers: true }));
    const ends = [
      mine!.watchRemovals((removed) => received.mine!.push(removed)),
      store.watchRemovals((removed) => received.silent!.push(removed)),
    ];
    let heard: () => void = () => undefined;
    const isHeard = new Promise<void>((resolve) => (heard = resolve));
    ends.push(
      theirs!.watchRemovals((removed) => {
        received.theirs!.push(removed);
        heard();
      }),
    );
    const listeners = async () =>
      String(await redis.command('PUBSUB', 'NUMSUB', 'nestjs-session-manager:removed'));
    while (!(await listeners()).endsWith(',2'));
    const version = await stored();
    expect(await mine!.remove(key, version)).toBe('removed');
    await isHeard;
    expect(received).toEqual({ mine: [], theirs: [key], silent: [] });
    for (const end of ends) end();
    while (!(await listeners()).endsWith(',0'));
  });

  describe('in a diagnosis', () => {
    it('report the version of the server', async () => {
      const { version, problem } = await store.diagnose();
      expect([version, problem]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/), undefined]);
    });

    it('report that a replica is the wrong server', async () => {
      const replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${redis.port}`] });
      const wrong = open(replica.url);
      expect((await wrong.diagnose()).problem).toMatch(/replica, .* address of its primary/);
      await replica.stop();
    });
  });

  describe('with an ACL user', () => {
    it('need only these commands', async () => {
      await redis.command(
        ...['ACL', 'SETUSER', 'sessions', 'on', '>secret', '~sess:*', '&nestjs-session-manager:*'],
        ...[
          '+get',
          '+getex',
          '+set',
          '+getrange',
          '+pttl',
          '+del',
          '+eval',
          '+evalsha',
          '+publish',
          '+ping',
        ],
      );
      const limited = open({
        url: `redis://sessions:secret@${redis.server}`,
        tellOthers: true,
      });
      expect(await limited.diagnose()).toEqual({});
      expect(await limited.create(key, 'text', LIFE)).toBe('stored');
      const { version } = (await limited.find(key, LIFE))!;
      await redis.command('SCRIPT', 'FLUSH');
      expect(await limited.update(key, 'more', version, LIFE)).toBe('stored');
      const { version: next } = (await limited.find(key, 0))!;
      expect(await limited.remove(key, next)).toBe('removed');
      await expect(limited.find('other:a')).rejects.toThrow(/NOPERM/);
    });

    it('fail if the password is wrong', async () => {
      const wrong = open(`redis://sessions:wrong@${redis.server}`);
      await expect(wrong.find(key)).rejects.toThrow(/WRONGPASS/);
    });
  });

  describe('over TLS', () => {
    const file = (name: string) =>
      fileURLToPath(new URL(`../../support/tls/localhost-${name}.pem`, import.meta.url));

    it.each<[string, (url: string, ca: string) => RedisLocation]>([
      ['a URL', (url, ca) => ({ url, clientOptions: { socket: { ca } } })],
      ['redis', (url, ca) => createClient({ url, socket: { tls: true, ca } })],
      ['ioredis', (url, ca) => new IoRedis(url, { tls: { ca }, lazyConnect: true })],
    ])('by %s', async (_how, locationOf) => {
      const port = await freePort();
      const args = [
        ...['--tls-port', String(port), '--tls-auth-clients', 'no'],
        ...['--tls-cert-file', file('cert'), '--tls-key-file', file('key')],
      ];
      const secure = await startRedis({ args });
      const ca = await readFile(file('cert'), 'utf8');
      const url = `rediss://localhost:${port}`;
      expect(await open(locationOf(url, ca)).create(key, 'text', LIFE)).toBe('stored');
      const untrusted = open(url);
      await expect(untrusted.find(key)).rejects.toThrow(/self-signed/);
      await secure.stop();
    });
  });
});
