import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';

import { Session, SessionMonitor } from '../../src/index.js';
import { StoreKeys } from '../../src/session/storage/keys.js';
import { CrowdClient, outcomesOf, type CrowdSeen } from '../support/crowd-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { plant } from '../support/planted.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';
import { storeKeyOf } from '../support/store-key.js';

@Controller()
class VisitController {
  @Post('join')
  join(@Session() session: Session) {
    session.mark = 'known';
    return { mark: 'known' };
  }

  @Get('read')
  read(@Session('mark') mark: string | undefined) {
    return { mark: mark ?? null };
  }

  @Get('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('ada');
  }
}

const JOIN = { method: 'POST' as const, path: '/join', expected: '{"mark":"known"}' };
const READ = { path: '/read', expected: '{"mark":"known"}' };
const STRANGER = '{"mark":null}';

const OTHERS = 50;
const PER_SECOND = 200;
/** How often a visitor comes whose item is not a session; less often if the item is large. */
const TIMES = 200;
const TIMES_WITH_MUCH = 50;
const AT_ONCE = 10;

const now = Date.now();
const RECORD = `[1,${now},${now},["mark",7]]\n"known"`;

const PLANTED: [what: string, flags: number, bytes: Buffer][] = [
  ...[1, 2, 3, 5, 9, 11, 255, 4_294_967_295].map((flags): [string, number, Buffer] => [
    ...(['text', flags, Buffer.from('somebody wrote this')] as const),
  ]),
  ['nothing', 0, Buffer.alloc(0)],
  ['nothing', 2, Buffer.alloc(0)],
  ['a megabyte of garbage', 0, randomBytes(1_000_000)],
  ['a megabyte of zeros', 11, Buffer.alloc(1_000_000)],
  ['invalid UTF-8', 0, Buffer.from([0xff, 0xfe, 0xc0, 0xaf, 0x80, 0xed, 0xa0, 0x80])],
  ['line ends', 0, Buffer.from('\r\n\r\n\n\r')],
  ['what looks like an answer', 0, Buffer.from('x\r\nEND\r\nVALUE a 0 1\r\nb\r\nEND\r\n')],
  ['what looks like an error', 0, Buffer.from('\r\nSERVER_ERROR out of memory\r\n')],
  ['compressed bytes', 8, Buffer.from('1f8b0800000000000003', 'hex')],
  ['a record that is cut off in its values', 0, Buffer.from(RECORD.slice(0, -3))],
  ['a record that is cut off in its header', 0, Buffer.from(RECORD.slice(0, 20))],
  ['a record of a later format', 0, Buffer.from(RECORD.replace('[1,', '[2,'))],
  ['the record of another cache', 0, Buffer.from('{"value":{"cookie":{}},"expires":1}')],
];

describe.each(PLATFORMS)("a foreign item under a session's key, on %s", (platform) => {
  let memcached: Memcached;
  let app: SessionApp;
  let crowd: CrowdClient;
  let cookie: string;
  let key: string;
  const began = performance.now();

  beforeAll(async () => {
    memcached = await startMemcached();
    const options = { memcached: memcached.server };
    app = await startSessionApp({ platform, options, controllers: [VisitController] });
    crowd = CrowdClient.start(app);
    await crowd.open(OTHERS + AT_ONCE, JOIN);
    await comesOften(READ.expected);
    const id = 'planted'.padEnd(42, '-') + 'A';
    [cookie, key] = [`SID=${id}`, storeKeyOf(id)];
  }, 60_000);

  afterAll(async () => {
    await crowd.close();
    await app.close();
    await memcached.stop();
  });

  const states = () => app.app.get(SessionMonitor).servers.map(({ state }) => state);

  /** Those of this question among them. */
  const connectionsSoFar = async () => Number((await memcached.stats()).total_connections);

  /** What the others saw meanwhile. */
  async function whileOthersCome(happen: () => Promise<void>): Promise<CrowdSeen[]> {
    const others = crowd.load(PER_SECOND, [READ]);
    await happen();
    await crowd.stop();
    return others;
  }

  async function comesOften(expected: string, count = TIMES): Promise<void> {
    const visitors = Array.from({ length: AT_ONCE }, async () => {
      const visitor = app.visitor();
      if (cookie) visitor.cookie = cookie;
      else await visitor.post(JOIN.path);
      for (let times = 0; times < count / AT_ONCE; times++) {
        const { status, body, setCookies } = await visitor.get(READ.path);
        expect([status, body, setCookies]).toEqual([200, expected, []]);
      }
    });
    await Promise.all(visitors);
  }

  it.each(PLANTED)(
    'ends its session and affects no other: %s, with the flags %i',
    async (_what, flags, bytes) => {
      await plant(memcached.port, key, flags, bytes);
      const times = bytes.length > 100_000 ? TIMES_WITH_MUCH : TIMES;
      const connections = await connectionsSoFar();
      const seen = await whileOthersCome(() => comesOften(STRANGER, times));
      expect(outcomesOf(seen)).toEqual({ served: seen.length });
      // The one that all share has not been given up.
      expect(await connectionsSoFar()).toBe(connections + 1);
      expect(states()).toEqual(['up']);
    },
  );

  it("ends the user's sessions if it replaces the user's index", async () => {
    const ada = app.visitor();
    await ada.get('/sign-in');
    const index = new StoreKeys('sess:', []).ofUser('ada', 0);
    const [, text] = /^VALUE [^\n]*\r\n([^]*)\r\nEND\r\n$/.exec(
      await memcached.command(`get ${index}`),
    )!;
    await plant(memcached.port, key, 0, Buffer.from(text!));
    await comesOften(STRANGER);
    expect(states()).toEqual(['up']);
  });

  it('is logged in at most one line a minute, and not as an outage', () => {
    const { errors, warnings } = app.logged;
    expect(errors).toEqual([]);
    const minutes = Math.ceil((performance.now() - began) / 60_000);
    expect(warnings.slice(minutes)).toEqual([]);
    const line = 'A stored record could not be read as a session; it is ignored.';
    expect(warnings).toEqual(warnings.map(() => expect.stringContaining(line)));
    expect(warnings.length).toBeGreaterThan(0);
  });

  it('is replaced when its visitor writes to a session', async () => {
    await plant(memcached.port, key, 255, randomBytes(1000));
    const visitor = app.visitor();
    visitor.cookie = cookie;
    expect((await visitor.post(JOIN.path)).status).toBe(201);
    expect((await visitor.get(READ.path)).body).toBe(READ.expected);
  });
});
