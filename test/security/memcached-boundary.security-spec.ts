import { once } from 'node:events';
import { connect } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { newSessionId } from '../../src/session/session-id.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';
import { scriptedMemcached, type ScriptedMemcached } from '../support/scripted-memcached.js';
import { AccountController, securityWorld, type MemcachedSecurityWorld } from './security-world.js';

/** The one form of a key: the prefix and 32 bytes in base64url. */
const KEY = /^sess:[\w-]{43}$/;

describe('the memcached boundary', () => {
  let world: MemcachedSecurityWorld;

  beforeAll(async () => {
    world = await securityWorld();
  });

  afterAll(() => world.close());

  it('A1.3.9: is passed only by keys of one form, whatever the cookie holds', async () => {
    const hostile = fc.oneof(
      fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((c) => String.fromCharCode(c)) }),
      fc.constantFrom(
        'get',
        'x\\r\\nflush_all',
        '%0d%0aflush_all%0d%0a',
        '../../etc/passwd',
        'sess:',
      ),
      fc.string({ unit: fc.constantFrom('A', '-', '_', '9', 'E'), minLength: 43, maxLength: 43 }),
      fc.string({ minLength: 300, maxLength: 2_000, unit: fc.constantFrom('a', '%20', '%0A') }),
    );
    const cookies = fc.sample(hostile, { numRuns: 500, seed: 1 });
    world.wire.reset();
    for (const value of cookies) {
      const stranger = world.visitor();
      for (const header of [`SID=${value}`, value, `SID="${value}"`]) {
        const path = header === value ? '/read' : '/put?value=1';
        const { status } = await stranger.get(path, { headers: { cookie: header } });
        expect(status).toBe(200);
      }
    }
    const { commands } = world.wire;
    expect(commands.length).toBeGreaterThan(cookies.length);
    expect(commands.filter(({ key }) => !KEY.test(key))).toEqual([]);
    expect([...new Set(commands.map(({ name }) => name))].sort()).toEqual(['add', 'mg']);
  });

  it('A1.3.9: is not passed by bytes that headers must not contain', async () => {
    const { hostname, port } = new URL(world.app.url);
    const commands = await world.commandsOf(async () => {
      for (const value of ['\0', 'a\nflush_all', '\x1b[2J', '\x7f', '\xff\xfe', 'ü'.repeat(43)]) {
        const socket = connect(Number(port), hostname);
        const request = `GET /read HTTP/1.1\r\nHost: x\r\nCookie: SID=${value}\r\nConnection: close\r\n\r\n`;
        socket.end(Buffer.from(request, 'latin1'));
        socket.resume();
        await once(socket, 'close');
      }
    });
    expect(commands).toEqual([]);
    expect((await world.visitor().get('/read')).status).toBe(200);
  });
});

describe('a memcached with wrong replies', () => {
  let memcached: ScriptedMemcached;
  let sessions: SessionApp;
  /** The session of another visitor, as it is stored. */
  let theirs: { key: string; text: string };

  beforeAll(async () => {
    const world = await securityWorld();
    await world.visitorWith('theirs');
    const [[key, text]] = [...(await world.dump())] as [[string, string]];
    theirs = { key, text };
    await world.close();
    memcached = await scriptedMemcached();
    sessions = await startSessionApp({
      controllers: [AccountController],
      options: { memcached: { servers: memcached.server, timeout: 200 } },
    });
  });

  afterAll(async () => {
    await sessions.close();
    await memcached.close();
  });

  const item = (key: string, text: string) =>
    `VALUE ${key} 0 ${Buffer.byteLength(text)} 7\r\n${text}\r\n`;

  const ask = (path: string) => {
    const visitor = sessions.visitor();
    visitor.cookie = `SID=${newSessionId()}`;
    return visitor.get(path);
  };

  it.each([
    ['for another key than the one asked', () => `${item(theirs.key, theirs.text)}END\r\n`],
    [
      'for two keys',
      (key: string) => `${item(key, theirs.text)}${item(theirs.key, theirs.text)}END\r\n`,
    ],
    [
      'in pieces of two records',
      (key: string) => `VALUE ${key} 0 9 7\r\n${theirs.text}\r\nEND\r\n`,
    ],
    ['with bytes that mean nothing', () => '\0\xff\x80garbled\r\n\r\n'],
    ['with a length that is not a number', (key: string) => `VALUE ${key} 0 NaN 7\r\nx\r\nEND\r\n`],
    ['not in time', () => undefined],
  ])('gives its visitor a 503 if it replies %s', async (_how, reply) => {
    memcached.answer(({ key }) => reply(key));
    for (const path of ['/read', '/put']) {
      const { status, setCookies, body } = await ask(path);
      expect([status, setCookies]).toEqual([503, []]);
      expect(body).not.toContain('theirs');
    }
    memcached.answer(() => 'END\r\n');
    expect((await ask('/read')).body).toBe('{}');
  });

  it('opens no session by another record under the requested key', async () => {
    memcached.answer(({ key }) => `${item(key, theirs.text)}END\r\n`);
    expect((await ask('/read')).body).toBe('{}');
    expect(sessions.logged.warnings.at(-1)).toContain('could not be read as a session');
  });

  it('opens no session by a late reply', async () => {
    let late: (() => void) | undefined;
    memcached.answer(({ key }) => {
      late = () => memcached.answer(() => `${item(key, theirs.text)}END\r\nEND\r\n`);
      return undefined;
    });
    expect((await ask('/read')).status).toBe(503);
    late!();
    const { status, body } = await ask('/read');
    expect(status === 503 || body === '{}').toBe(true);
    expect(body).not.toContain('theirs');
  });
});
