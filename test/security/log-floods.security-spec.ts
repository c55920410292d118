import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post, Res } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:net';

import { Session } from '../../src/index.js';
import { newSessionId } from '../../src/session/session-id.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

/** What could forge a line of the log, or turn what follows it. */
const HOSTILE = 'x\n[Nest] 1 - LOG signed in\r\u2028\x1b[2J\x9b31m\u202e\u2066';
const UNFIT = /[\p{C}\p{Zl}\p{Zp}]/u;

interface RawReply {
  raw?: RawReply;
  write(text: string): void;
  end(): void;
}

@Controller('shop')
class FloodController {
  @Get('read')
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('entry')
  entry(@Session() session: Session, @Body() { name }: { name: string }) {
    session.set(name, new Date());
  }

  @Post('member')
  member(@Session() session: Session, @Body() { name }: { name: string }) {
    session.increment(name, 'by' as unknown as number);
  }

  @Post('in-place')
  inPlace(@Session() session: Session, @Body() { name }: { name: string }) {
    session.cart = {};
    (session.cart as Record<string, unknown>)[name] = new Date();
  }

  @Post('large')
  large(@Session() session: Session, @Body() { name }: { name: string }) {
    session.set(name, 'x'.repeat(5000));
  }

  @Get('late')
  async late(@Session() session: Session, @Res() reply: RawReply) {
    const raw = reply.raw ?? reply;
    raw.write('begun');
    await Promise.resolve();
    session.set('late', true);
    raw.end();
  }
}

@Controller()
class OutsideController {
  @Get('outside')
  outside(@Session() session: Session) {
    session.set('outside', true);
  }
}

describe.each(PLATFORMS)('A16.4.1, floods: on %s', (platform) => {
  let memcached: Memcached;
  let app: SessionApp;
  let lines: { text: string; by: unknown }[];

  beforeEach(async () => {
    memcached = await startMemcached();
    lines = [];
    app = await startSessionApp({
      ...{ platform, controllers: [FloodController, OutsideController] },
      options: {
        ...{ memcached: memcached.server, maxBytes: 4000 },
        ...{ cookie: { path: '/shop' }, transport: ['cookie', { header: 'x-session-id' }] },
      },
      prepare: (nest) => {
        const keep = (...args: unknown[]) => void lines.push({ text: String(args[0]), by: args });
        nest.useLogger({ log: () => undefined, warn: keep, error: keep });
      },
    });
  });

  afterEach(async () => {
    await app.close();
    await memcached.stop();
  });

  const ours = () => lines.filter(({ by }) => (by as unknown[]).at(-1) === 'SessionModule');

  const ways: [string, (somebody: Visitor) => Promise<unknown>][] = [
    [
      'two cookies',
      (somebody) =>
        somebody.get('/shop/read', {
          headers: { cookie: `SID=${newSessionId()}; SID=${newSessionId()}` },
        }),
    ],
    [
      'a cookie and a header',
      (somebody) =>
        somebody.get('/shop/read', {
          headers: { cookie: `SID=${newSessionId()}`, 'x-session-id': newSessionId() },
        }),
    ],
    ['a record that is too large', (somebody) => somebody.post('/shop/large', { name: HOSTILE })],
    [
      'an entry changed in place into what cannot be stored',
      (somebody) => somebody.post('/shop/in-place', { name: HOSTILE }),
    ],
    ['a write outside of the path', (somebody) => somebody.get('/outside')],
    ['a write after the response has begun', (somebody) => somebody.get('/shop/late')],
  ];

  it.each(ways)('%s are logged in one line, however often', async (_what, send) => {
    for (let times = 0; times < 20; times++) await send(app.visitor());
    expect(ours()).toHaveLength(1);
    expect(ours()[0]!.text).not.toMatch(UNFIT);
    expect(ours()[0]!.text.length).toBeLessThanOrEqual(2001);
  });

  it('problems of different kinds are each logged', async () => {
    for (const [, send] of ways) await send(app.visitor());
    expect(ours()).toHaveLength(ways.length);
  });

  it.each(['entry', 'member', 'in-place', 'large'])(
    "an entry's name cannot forge a line in this package’s log or in Nest’s: %s",
    async (route) => {
      for (const name of [HOSTILE, HOSTILE.repeat(1000), '__proto__', '\0flash:\n']) {
        await app.visitor().post(`/shop/${route}`, { name });
      }
      expect(lines.length).toBeGreaterThan(0);
      for (const { by } of lines) {
        const [text, stack = ''] = by as [unknown, unknown];
        const message = text instanceof Error ? text.message : String(text);
        expect(message).not.toMatch(UNFIT);
        expect(message.length).toBeLessThan(2002);
        const all = [text instanceof Error ? text.stack : '', String(stack)].join('\n');
        expect(
          all.split('\n').filter((line) => line.startsWith('[Nest]') || line.includes('\x1b')),
        ).toEqual([]);
      }
    },
  );

  it('a flood of such requests on one connection gives one line', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    const cookie = `SID=${newSessionId()}; SID=${newSessionId()}`;
    const request = `GET /shop/read HTTP/1.1\r\nHost: localhost\r\nCookie: ${cookie}\r\n`;
    socket.write(`${request}\r\n`.repeat(500) + `${request}Connection: close\r\n\r\n`);
    socket.resume();
    await once(socket, 'close');
    expect(ours()).toHaveLength(1);
  });
});
