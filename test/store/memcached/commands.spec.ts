import { describe, expect, it } from '@jest/globals';

import { RecordRefused, RecordTooLarge } from '../../../src/store/atomic-record.js';
import {
  askClusterConfiguration,
  askMeta,
  askSettings,
  askVersion,
  authenticate,
  MemcachedError,
  metaRead,
  read,
  remove,
  store,
} from '../../../src/store/memcached/commands.js';
import type { Command } from '../../../src/store/memcached/connection.js';
import { MalformedReplyError, type Reply } from '../../../src/store/memcached/reply-parser.js';

const AUTH = { username: 'app', password: 'open-sesame' };
const ITEM = { key: 'key', text: 'text', version: '7' };

function errorOf(command: Command<unknown>, reply: Reply): unknown {
  try {
    return command.read(reply) ?? 'nothing';
  } catch (error) {
    return error;
  }
}

describe('the text of a command', () => {
  it.each<[string, Command<unknown>, string]>([
    ['get', read('get', 'key'), 'get key\r\n'],
    ['gets', read('gets', 'key'), 'gets key\r\n'],
    ['gats', read('gats', 'key', 1200), 'gats 1200 key\r\n'],
    ['mg', metaRead('key'), 'mg key k c v t\r\n'],
    ['mg that renews', metaRead('key', 1200), 'mg key k c v T1200\r\n'],
    ['set', store('set', 'key', 'text', 60), 'set key 0 60 4\r\ntext\r\n'],
    ['add', store('add', 'key', '', 60), 'add key 0 60 0\r\n\r\n'],
    ['cas', store('cas', 'key', 'text', 60, '7'), 'cas key 0 60 4 7\r\ntext\r\n'],
    ['a time in the past', store('cas', 'key', '', -1, '7'), 'cas key 0 -1 0 7\r\n\r\n'],
    ['a length in bytes', store('set', 'key', 'ä€😀', 0), 'set key 0 0 9\r\nä€😀\r\n'],
    ['a text with line ends', store('set', 'key', 'a\r\nb', 0), 'set key 0 0 4\r\na\r\nb\r\n'],
    ['delete', remove('key'), 'delete key\r\n'],
    ['authentication', authenticate(AUTH), 'set auth 0 0 15\r\napp open-sesame\r\n'],
    ['version', askVersion, 'version\r\n'],
    ['settings', askSettings, 'stats settings\r\n'],
    ['the nodes of a cluster', askClusterConfiguration, 'config get cluster\r\n'],
  ])('follows the protocol: %s', (_what, { text }, expected) => {
    expect(text).toBe(expected);
  });
});

describe('a command is repeatable', () => {
  it.each<[string, Command<unknown>]>([
    ['get', read('get', 'key')],
    ['gets', read('gets', 'key')],
    ['gats', read('gats', 'key', 60)],
    ['mg', metaRead('key', 60)],
    ['version', askVersion],
    ['settings', askSettings],
    ['the nodes of a cluster', askClusterConfiguration],
  ])('if it reads: %s', (_what, command) => {
    expect(command.isRepeatable).toBe(true);
  });

  it.each<[string, Command<unknown>]>([
    ['set', store('set', 'key', 'text', 60)],
    ['add', store('add', 'key', 'text', 60)],
    ['cas', store('cas', 'key', 'text', 60, '7')],
    ['delete', remove('key')],
    ['authentication', authenticate(AUTH)],
  ])('but not if it writes: %s', (_what, command) => {
    expect(command.isRepeatable ?? false).toBe(false);
  });
});

describe('the result of a reply', () => {
  it.each<[string, Command<unknown>, Reply, unknown]>([
    ['a missing item', read('get', 'key'), { line: 'END' }, undefined],
    ['an item', read('gats', 'key', 60), { line: 'END', item: ITEM }, ITEM],
    ['an item of the meta protocol', metaRead('key', 60), { line: 'END', item: ITEM }, ITEM],
    ['none of it', metaRead('key', 60), { line: 'EN' }, undefined],
    ['none of it, by name', metaRead('key', 60), { line: 'EN kkey' }, undefined],
    ['that it speaks it', askMeta, { line: 'EN' }, true],
    ['the same, by name', askMeta, { line: 'EN knestjs-session-manager:meta' }, true],
    ['that it does not', askMeta, { line: 'ERROR' }, false],
    ['a stored item', store('set', 'key', 'text', 0), { line: 'STORED' }, undefined],
    ['a deleted item', remove('key'), { line: 'DELETED' }, undefined],
    ['accepted credentials', authenticate(AUTH), { line: 'STORED' }, undefined],
    ['a version', askVersion, { line: 'VERSION 1.6.18' }, '1.6.18'],
    ['a version of a make', askVersion, { line: 'VERSION 1.5.22-aws' }, '1.5.22-aws'],
    [
      'settings',
      askSettings,
      { line: 'END', statistics: new Map([['cas_enabled', 'yes']]) },
      new Map([['cas_enabled', 'yes']]),
    ],
    ['settings that are not reported', askSettings, { line: 'ERROR' }, undefined],
    [
      'the nodes of a cluster',
      askClusterConfiguration,
      { line: 'END', item: { key: 'cluster', text: '1\na|1.2.3.4|1', version: undefined } },
      '1\na|1.2.3.4|1',
    ],
  ])('is read: %s', (_what, command, reply, expected) => {
    expect(command.read(reply)).toEqual(expected);
  });

  const add = store('add', 'key', 'text', 60);
  const cas = store('cas', 'key', 'text', 60, '7');

  it.each([
    ['add', add, 'NOT_STORED', 'taken'],
    ['cas', cas, 'EXISTS', 'changed'],
    ['cas', cas, 'NOT_FOUND', 'gone'],
    ['delete', remove('key'), 'NOT_FOUND', 'gone'],
  ] as const)('of %s is a refusal (%#)', (_what, command, line, reason) => {
    const error = errorOf(command, { line });
    expect(error).toBeInstanceOf(RecordRefused);
    expect(error).toMatchObject({ reason });
  });

  it.each([
    ['get', read('get', 'key'), ['NOT_STORED', 'EXISTS', 'NOT_FOUND', 'STORED']],
    ['gats', read('gats', 'key', 60), ['EN', 'HD']],
    ['mg', metaRead('key', 60), ['END', 'HD', 'NF', 'VA', 'EN kother', 'EN ']],
    ['add', add, ['EXISTS', 'NOT_FOUND', 'DELETED', 'constructor']],
    ['cas', cas, ['NOT_STORED', 'DELETED', 'toString']],
    ['set', store('set', 'key', 'text', 60), ['NOT_STORED', 'EXISTS', 'NOT_FOUND']],
    ['delete', remove('key'), ['NOT_STORED', 'EXISTS', 'STORED']],
  ] as const)('of %s is not accepted for another command', (_what, command, lines) => {
    for (const line of lines)
      expect(errorOf(command, { line })).toBeInstanceOf(MalformedReplyError);
  });

  it('escapes control characters', () => {
    const error = errorOf(cas, { line: 'SERVER_ERROR \u001b[2Jbad\rline' });
    expect(error).toMatchObject({ message: 'SERVER_ERROR \\u{1b}[2Jbad\\rline' });
  });

  it('does not quote an unknown error', () => {
    const error = errorOf(cas, { line: 'ERROR secret' });
    expect(error).toBeInstanceOf(MalformedReplyError);
    expect((error as Error).message).not.toContain('secret');
  });

  it('is an error for an item that is too large, with the remedy', () => {
    const line = 'SERVER_ERROR object too large for cache';
    const error = errorOf(store('add', 'key', 'text', 60), { line });
    expect(error).toBeInstanceOf(RecordTooLarge);
    expect((error as Error).message).toMatch(/larger -I$/);
  });

  const commands: [string, Command<unknown>][] = [
    ['get', read('get', 'key')],
    ['mg', metaRead('key')],
    ['add', store('add', 'key', 'text', 60)],
    ['delete', remove('key')],
    ['version', askVersion],
    ['the nodes of a cluster', askClusterConfiguration],
  ];

  it.each(commands)("is memcached's error message: %s", (_what, command) => {
    for (const line of ['SERVER_ERROR out of memory storing object', 'CLIENT_ERROR bad format']) {
      const error = errorOf(command, { line });
      expect(error).toBeInstanceOf(MemcachedError);
      expect((error as Error).message).toBe(line);
    }
  });

  it.each(commands)('is an error for a missing password, with the remedy: %s', (_what, command) => {
    const error = errorOf(command, { line: 'CLIENT_ERROR unauthenticated' });
    expect(error).toBeInstanceOf(MemcachedError);
    expect((error as Error).message).toMatch(/\(unauthenticated\); give memcached\.auth$/);
  });

  it.each(commands)('is an error if the connection is refused: %s', (_what, command) => {
    for (const line of ['ERROR', 'ERROR Too many open connections']) {
      const error = errorOf(command, { line });
      expect(error).toBeInstanceOf(MalformedReplyError);
      expect((error as Error).message).toContain(`"${line}"`);
    }
  });

  it.each(commands)('shortens a long message: %s', (_what, command) => {
    for (const word of ['ERROR', 'SERVER_ERROR', 'CLIENT_ERROR']) {
      const error = errorOf(command, { line: `${word} ${'x'.repeat(2000)}` });
      expect((error as Error).message.length).toBeLessThan(200);
    }
  });

  it.each(commands)('is malformed if it belongs to another command: %s', (_what, command) => {
    const lines = ['TOUCHED', 'OK', '42', '', 'HTTP/1.1 400 Bad', 'STORED SECRET', 'ERRORS SECRET'];
    for (const line of lines) {
      const error = errorOf(command, { line });
      expect(error).toBeInstanceOf(MalformedReplyError);
      expect((error as Error).message).not.toMatch(/SECRET|HTTP|42/);
    }
  });

  it.each<[string, Command<unknown>, Reply]>([
    ['an item of another key', read('get', 'key'), { line: 'END', item: { ...ITEM, key: 'a' } }],
    ['a key in other letters', read('get', 'key'), { line: 'END', item: { ...ITEM, key: 'KEY' } }],
    ['END for a write', store('set', 'key', 'text', 0), { line: 'END' }],
    ['an item for a write', store('set', 'key', 'text', 0), { line: 'END', item: ITEM }],
    ['STORED for a read', read('get', 'key'), { line: 'STORED' }],
    ['STORED for a deletion', remove('key'), { line: 'STORED' }],
    ['DELETED for a write', store('set', 'key', 'text', 0), { line: 'DELETED' }],
    ['a version without a number', askVersion, { line: 'VERSION ' }],
    ['a version of two words', askVersion, { line: 'VERSION 1 2' }],
    ['a version that is long', askVersion, { line: `VERSION ${'1'.repeat(51)}` }],
    ['no nodes of a cluster', askClusterConfiguration, { line: 'END' }],
  ])('is an error if the connection is out of step: %s', (_what, command, reply) => {
    expect(errorOf(command, reply)).toBeInstanceOf(MalformedReplyError);
  });

  it.each(['ERROR', 'CLIENT_ERROR authentication failure', 'EXISTS', 'END'])(
    'is an error for wrong credentials, which does not show them: %s',
    (line) => {
      const error = errorOf(authenticate(AUTH), { line });
      expect(error).toBeInstanceOf(MemcachedError);
      expect((error as Error).message).toMatch(/check memcached\.auth$/);
      expect((error as Error).message).not.toMatch(/open-sesame/);
    },
  );
});
