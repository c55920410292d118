import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Keyv } from 'keyv';

import {
  memcachedStore,
  Session,
  SessionMonitor,
  type SessionModuleOptions,
} from '../../src/index.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class AccountController {
  @Post('sign-in')
  async signIn(@Session() session: Session) {
    await session.signIn('ada');
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.userId ?? null };
  }

  @Post('sign-out')
  async signOut(@Session() session: Session) {
    await session.signOut();
  }
}

const VISITORS = 24;
/** Milliseconds: one process is impatient, and the server slower than that. */
const IMPATIENT = 50;
const SLOW = 150;

const PLACES: [string, (memcached: object, tier: PlainAdapter) => SessionModuleOptions][] = [
  ['three memcached', (memcached) => ({ memcached: memcached as never })],
  [
    'three memcached with a durable tier',
    (memcached, store) => ({ stores: [memcachedStore(memcached as never), new Keyv({ store })] }),
  ],
];
const CASES = PLACES.map((place, n) => [PLATFORMS[n]!, ...place] as const);

describe.each(CASES)('the view of one process alone, on %s, of %s', (platform, _place, place) => {
  let servers: Memcached[];
  let wires: RecordingProxy[];
  let tier: PlainAdapter;
  let apps: SessionApp[];

  beforeEach(async () => {
    servers = await Promise.all([1, 2, 3].map(() => startMemcached()));
    wires = await Promise.all(servers.map(({ port }) => recordingProxy(port)));
    tier = new PlainAdapter();
    apps = [];
  });

  afterEach(async () => {
    for (const app of apps) await app.close();
    await Promise.all(wires.map((wire) => wire.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function start(timeout = 5_000): Promise<SessionApp> {
    const options = place({ servers: wires.map(({ server }) => server), timeout }, tier);
    const app = await startSessionApp({ platform, options, controllers: [AccountController] });
    apps.push(app);
    return app;
  }
  const through = (app: SessionApp, { cookie }: Visitor): Visitor => {
    const same = app.visitor();
    same.cookie = cookie;
    return same;
  };
  const users = async (app: SessionApp, visitors: readonly Visitor[]) => {
    const looks = visitors.map((visitor) => through(app, visitor).get('/me'));
    return new Set((await Promise.all(looks)).map(({ status, body }) => `${status} ${body}`));
  };
  const state = (app: SessionApp) => app.app.get(SessionMonitor).servers[0]!.state;
  const ADA = new Set(['200 {"user":"ada"}']);
  const NOBODY = new Set(['200 {"user":null}']);

  async function signedIn(app: SessionApp): Promise<Visitor[]> {
    const visitors = Array.from({ length: VISITORS }, () => app.visitor());
    for (const visitor of visitors) expect((await visitor.post('/sign-in', {})).status).toBe(201);
    return visitors;
  }

  it('flushes no server, and ends no session', async () => {
    const patient = await start();
    const visitors = await signedIn(patient);
    const hasty = await start(IMPATIENT);
    wires[0]!.delayReplies(SLOW);
    while (state(hasty) !== 'down') await users(hasty, visitors);
    expect(await users(patient, visitors)).toEqual(ADA);
    wires[0]!.delayReplies(0);
    while (state(hasty) === 'down') await nextTurn();
    while (!(await users(hasty, visitors)).has('200 {"user":"ada"}'));
    expect(await users(patient, visitors)).toEqual(ADA);
    const names = new Set(wires.flatMap(({ commands }) => commands.map(({ name }) => name)));
    expect(names).not.toContain('flush_all');
    expect(names).not.toContain('delete');
  });

  it('restores no session: a sign-out is refused while a server is silent, and final after it', async () => {
    const [one, other] = [await start(300), await start(300)];
    const visitors = await signedIn(one);
    servers[0]!.pause();
    const leaving = visitors.map((visitor) => through(one, visitor).post('/sign-out', {}));
    const told = (await Promise.all(leaving)).map(({ status }) => status);
    servers[0]!.resume();
    await one.close();
    apps.splice(0, 1);
    const again = await start(300);
    while (state(other) === 'down' || state(again) === 'down') await nextTurn();
    const [out, refused] = [201, 503].map((status) =>
      visitors.filter((_, n) => told[n] === status),
    );
    expect(out!.length + refused!.length).toBe(VISITORS);
    expect(refused!.length).toBeGreaterThan(0);
    for (const visitor of refused!) {
      let status: number;
      do ({ status } = await through(again, visitor).post('/sign-out', {}));
      while (status === 503);
    }
    for (const app of [again, other]) expect(await users(app, visitors)).toEqual(NOBODY);
  });
});

it.each([
  ['as an option of the module', { rehash: true } as never, /^rehash: /],
  [
    'beside the servers',
    { memcached: { servers: ['a:1'], rehash: true } as never },
    /^memcached\.rehash: /,
  ],
  [
    'beside one server',
    { memcached: { server: 'a:1', rehash: true } as never },
    /^memcached\.rehash: /,
  ],
  ['in a server', { memcached: [{ server: 'a:1', rehash: 1 }] as never }, /^memcached\.rehash: /],
])('the option rehash is refused with its replacement: %s', async (_where, options, name) => {
  const starting = startSessionApp({ options, controllers: [] });
  await expect(starting).rejects.toThrow(name);
  await expect(startSessionApp({ options, controllers: [] })).rejects.toThrow(
    /Leave it out.*durable/,
  );
});
