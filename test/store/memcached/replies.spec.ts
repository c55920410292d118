import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Keyv } from 'keyv';

import { newSessionId } from '../../../src/session/session-id.js';
import type { SessionStore } from '../../../src/session/storage/store.js';
import { SessionStoreError } from '../../../src/session/errors.js';
import { memcachedStore } from '../../../src/store/memcached/store.js';
import { openSessionStore, type OpenSessionStore } from '../../../src/store/store.factory.js';
import { scriptedMemcached, type ScriptedMemcached } from '../../support/scripted-memcached.js';
import { storeKeyOf } from '../../support/store-key.js';
import { cacheOver, KEY_PREFIX, TIMEOUT } from '../../support/stores.js';

const OTHER = storeKeyOf(newSessionId(), KEY_PREFIX);
const value = (key: string, text: string, version = '7') =>
  `VALUE ${key} 0 ${Buffer.byteLength(text)} ${version}\r\n${text}\r\n`;

describe('invalid replies of memcached', () => {
  let memcached: ScriptedMemcached;
  let keyv: Keyv;
  let open: OpenSessionStore;
  let store: SessionStore;
  let key: string;

  beforeAll(async () => {
    memcached = await scriptedMemcached();
    keyv = memcachedStore({ servers: memcached.server, timeout: 150 });
    open = openSessionStore(cacheOver(keyv), {
      ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now },
    });
    ({ store } = open);
  });

  afterAll(async () => {
    await keyv.disconnect();
    await memcached.close();
  });

  beforeEach(() => {
    key = storeKeyOf(newSessionId(), KEY_PREFIX);
  });

  const expectRecovery = async (): Promise<void> => {
    memcached.answer((command) =>
      command.name === 'gats' ? `${value(command.key, 'mine')}END\r\n` : 'STORED\r\n',
    );
    expect(await store.find(key)).toMatchObject({ text: 'mine', version: '7' });
    expect(await store.update(key, 'new', '7', TIMEOUT)).toBe('stored');
  };

  it.each([
    ['is for another key', () => `${value(OTHER, 'theirs')}END\r\n`],
    ['is for several keys', () => `${value(key, 'mine')}${value(OTHER, 'theirs')}END\r\n`],
    ['is for the same key twice', () => `${value(key, 'mine')}${value(key, 'mine')}END\r\n`],
    ['is for a key that reaches into prototypes', () => `${value('__proto__', 'x')}ERROR\r\n`],
    ['is that of a write', () => 'STORED\r\n'],
    ['is a number', () => '42\r\n'],
    ['has no version', () => `VALUE ${key} 0 4\r\nmine\r\nEND\r\n`],
    ['has the version 0, as with -C', () => `${value(key, 'mine', '0')}END\r\n`],
    ['has a version with a command in it', () => `${value(key, 'mine', '1\nflush_all')}END\r\n`],
    ['ends its data too late', () => `VALUE ${key} 0 2 7\r\nmine\r\nEND\r\n`],
    ['has a length that is a word', () => `VALUE ${key} 0 many 7\r\nmine\r\nEND\r\n`],
    ['has a negative length', () => `VALUE ${key} 0 -4 7\r\nmine\r\nEND\r\n`],
    ['has a length beyond all memory', () => `VALUE ${key} 0 99999999999999 7\r\nmine\r\nEND\r\n`],
    ['comes without an end', () => value(key, 'mine')],
    ['is an empty line', () => '\r\n'],
    ['is in another language', () => 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['is a line without an end', () => 'x'.repeat(5_000)],
    ['says that too many are connected', () => 'ERROR Too many open connections\r\n'],
    ['never comes', () => undefined],
  ])('fail a read whose reply %s', async (_what, reply) => {
    memcached.answer(reply);
    await expect(store.find(key)).rejects.toBeInstanceOf(SessionStoreError);
    await expectRecovery();
  });

  it.each([
    ['is that of a read', 'END\r\n'],
    ['is a number', '1\r\n'],
    ['is that of another write', 'DELETED\r\n'],
    ['says more than it should', 'STORED twice\r\n'],
    ['is a record', `${value(OTHER, 'theirs')}END\r\n`],
    ['is a record behind the right one', `${value(OTHER, 'theirs')}STORED\r\n`],
    ['is an error', 'SERVER_ERROR out of memory\r\n'],
    ['is an unknown word', 'PERHAPS\r\n'],
  ])('fail a write whose reply %s', async (_what, reply) => {
    memcached.answer(() => reply);
    await expect(store.create(key, 'text', TIMEOUT)).rejects.toBeInstanceOf(SessionStoreError);
    await expect(store.update(key, 'text', '7', TIMEOUT)).rejects.toBeInstanceOf(SessionStoreError);
    await expectRecovery();
  });

  it('close the connection without a pending command, and not the process', async () => {
    memcached.answer(() => `${value(key, 'mine')}END\r\n${value(OTHER, 'theirs')}END\r\n`);
    await store.find(key);
    await expectRecovery();
  });

  it('close a connection that is out of step', async () => {
    await expectRecovery();
    const { connections } = memcached;
    memcached.answer(() => `${value(OTHER, 'theirs')}END\r\n`);
    await expect(store.find(key)).rejects.toBeInstanceOf(SessionStoreError);
    await expectRecovery();
    expect(memcached.connections).toBe(connections + 1);
  });

  it('are not quoted in errors', async () => {
    const replies = [
      'SECRET\r\n',
      `VALUE ${key} 0 9 7 SECRET\r\n`,
      `STORED SECRET\r\n`,
      'SECRET\n',
    ];
    for (const reply of replies) {
      memcached.answer(() => reply);
      const error: unknown = await store.find(key).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(SessionStoreError);
      const { message, stack, cause } = error as Error;
      expect(`${message} ${stack} ${String(cause)} ${(cause as Error).stack}`).not.toMatch(
        /SECRET/,
      );
      await expectRecovery();
    }
  });

  it('are dropped when they arrive late', async () => {
    const late: (() => void)[] = [];
    memcached.answer((command) => {
      late.push(() => memcached.answer(() => `${value(command.key, 'mine')}END\r\n`));
      return undefined;
    });
    await expect(store.find(OTHER)).rejects.toBeInstanceOf(SessionStoreError);
    late.forEach((answer) => answer());
    await expectRecovery();
  });

  it.each([
    ['ERROR Too many open connections', 'failing'],
    ['SERVER_ERROR out of memory storing object', 'failing'],
    ['STORED', 'failing'],
  ])('are reported as an outage: %s', async (reply, state) => {
    const other = memcachedStore({ servers: memcached.server, timeout: 150 });
    const fresh = openSessionStore(cacheOver(other), {
      ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now },
    });
    memcached.answer(() => `${reply}\r\n`);
    await expect(fresh.store.find(key)).rejects.toBeInstanceOf(SessionStoreError);
    expect(fresh.servers[0]!.state).toBe(state);
    await other.disconnect();
  });

  it.each(['NOT_STORED', 'SERVER_ERROR object too large for cache'])(
    'do not include %s, which is an answer and not an outage',
    async (reply) => {
      const other = memcachedStore({ servers: memcached.server, timeout: 150 });
      const fresh = openSessionStore(cacheOver(other), {
        ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now },
      });
      memcached.answer(() => `${reply}\r\n`);
      await fresh.store.create(key, 'text', TIMEOUT).catch(() => undefined);
      expect(fresh.servers[0]!.state).toBe('up');
      await other.disconnect();
    },
  );
});
