import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Keyv } from 'keyv';

import { newSessionId } from '../../../src/session/session-id.js';
import type { SessionStore } from '../../../src/session/session-store.js';
import { SessionStoreError } from '../../../src/session/session.errors.js';
import { errorKind } from '../../../src/store/memcached/memcached-replies.js';
import { memcachedStore } from '../../../src/store/memcached/memcached-store.js';
import { scriptedMemcached, type ScriptedMemcached } from '../../support/scripted-memcached.js';
import { storeKeyOf } from '../../support/store-key.js';
import { KEY_PREFIX, sessionStoreOver, TIMEOUT } from '../../support/stores.js';

const OTHER = storeKeyOf(newSessionId(), KEY_PREFIX);
const value = (key: string, text: string, version = '7') =>
  `VALUE ${key} 0 ${Buffer.byteLength(text)} ${version}\r\n${text}\r\n`;

describe('replies of memcached that make no sense', () => {
  let memcached: ScriptedMemcached;
  let keyv: Keyv;
  let store: SessionStore;
  let key: string;

  beforeAll(async () => {
    memcached = await scriptedMemcached();
    keyv = memcachedStore({ servers: memcached.server, timeout: 150 });
    store = sessionStoreOver(keyv);
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
    ['is for a key that reaches into prototypes', () => `${value('__proto__', 'x')}ERROR\r\n`],
    ['is that of a write', () => 'STORED\r\n'],
    ['is a number', () => '42\r\n'],
    ['has a version with a command in it', () => `${value(key, 'mine', '1\nflush_all')}END\r\n`],
    ['ends its data too late', () => `VALUE ${key} 0 2 7\r\nmine\r\nEND\r\n`],
    ['has a length that is none', () => `VALUE ${key} 0 many 7\r\nmine\r\nEND\r\n`],
    ['has a negative length', () => `VALUE ${key} 0 -4 7\r\nmine\r\nEND\r\n`],
    ['has a length beyond all memory', () => `VALUE ${key} 0 99999999999999 7\r\nmine\r\nEND\r\n`],
    ['comes without an end', () => value(key, 'mine')],
    ['is an empty line', () => '\r\n'],
    ['is in another language', () => 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['is a line without an end', () => 'x'.repeat(5_000)],
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
    ['is an error', 'SERVER_ERROR out of memory\r\n'],
    ['is an unknown word', 'PERHAPS\r\n'],
  ])('fail a write whose reply %s', async (_what, reply) => {
    memcached.answer(() => reply);
    await expect(store.create(key, 'text', TIMEOUT)).rejects.toBeInstanceOf(SessionStoreError);
    await expect(store.update(key, 'text', '7', TIMEOUT)).rejects.toBeInstanceOf(SessionStoreError);
    await expectRecovery();
  });

  it('end the connection that a reply nobody asked for comes on, and not the process', async () => {
    memcached.answer(() => `${value(key, 'mine')}END\r\n${value(OTHER, 'theirs')}END\r\n`);
    await store.find(key);
    await expectRecovery();
  });

  it('give up a connection once it is out of step', async () => {
    await expectRecovery();
    const { connections } = memcached;
    memcached.answer(() => `${value(OTHER, 'theirs')}END\r\n`);
    await expect(store.find(key)).rejects.toBeInstanceOf(SessionStoreError);
    await expectRecovery();
    expect(memcached.connections).toBe(connections + 1);
  });

  it('are nobody’s when they come after their time', async () => {
    const late: (() => void)[] = [];
    memcached.answer((command) => {
      late.push(() => memcached.answer(() => `${value(command.key, 'mine')}END\r\n`));
      return undefined;
    });
    await expect(store.find(OTHER)).rejects.toBeInstanceOf(SessionStoreError);
    late.forEach((answer) => answer());
    await expectRecovery();
  });
});

describe('an error of memcached tells that it', () => {
  it.each([
    ['answers', 'answer', 'NOT_STORED'],
    ['answers', 'answer', 'EXISTS'],
    ['answers', 'answer', 'NOT_FOUND'],
    ['cannot', 'complaint', 'SERVER_ERROR out of memory storing object'],
    ['does not want to', 'complaint', 'CLIENT_ERROR unauthenticated'],
    ['is not to be asked', 'silence', 'ERROR Too many open connections'],
    ['is not there', 'silence', 'connect ECONNREFUSED 127.0.0.1:11211'],
  ])('%s: %s, %s', (_what, kind, message) => {
    expect(errorKind(new Error(message))).toBe(kind);
  });
});
