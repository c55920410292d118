import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Keyv } from 'keyv';

import {
  memcachedStore,
  Session,
  SessionOptionsError,
  SessionStoreError,
  UserSessions,
  type SessionModuleOptions,
} from '../../src/index.js';
import { Gate } from '../support/gate.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

let gate: Gate | undefined;

@Controller()
class AccountController {
  @Get('visit')
  visit(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }

  @Get('sign-in')
  async signIn(@Session() session: Session) {
    const own = await session.signIn('ada');
    own.name = 'Ada';
  }

  @Get('me')
  me(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('slow')
  async slow(@Session() session: Session) {
    session.slow = true;
    await gate?.pass();
    await session.regenerate();
  }
}

const WITHIN = 1;

interface World {
  readonly memcached: Memcached[];
  readonly adapter: PlainAdapter;
}

const PLACES: [string, (world: World) => SessionModuleOptions][] = [
  ['one memcached', ({ memcached: [one] }) => ({ memcached: one!.server })],
  ['two memcached', ({ memcached }) => ({ memcached: memcached.map(({ server }) => server) })],
  [
    'two memcached, with secrets',
    ({ memcached }) => ({
      memcached: memcached.map(({ server }) => server),
      secrets: ['a secret for these tests, and for no others'],
    }),
  ],
  [
    'memcached with a durable tier',
    ({ memcached: [one], adapter }) => ({
      stores: [memcachedStore(one!.server), new Keyv({ store: adapter })],
    }),
  ],
  ['a plain store', ({ adapter }) => ({ stores: new Keyv({ store: adapter }) })],
];

const CASES = PLACES.flatMap((place, n) => {
  return [[PLATFORMS[n % PLATFORMS.length]!, ...place] as const];
});

describe.each(CASES)('the sessions of all users, on %s, in %s', (platform, _place, options) => {
  let world: World;
  let apps: SessionApp[];

  const start = async (more: SessionModuleOptions = {}): Promise<SessionApp> => {
    const app = await startSessionApp({
      ...{ platform, controllers: [AccountController] },
      options: { revokeEverybodyWithin: WITHIN, ...options(world), ...more },
    });
    apps.push(app);
    return app;
  };
  const revoke = (app: SessionApp) => app.app.get(UserSessions).revokeEverybody();
  const through = (app: SessionApp, visitor: Visitor): Visitor => {
    const same = app.visitor();
    same.cookie = visitor.cookie;
    return same;
  };

  beforeEach(async () => {
    gate = undefined;
    apps = [];
    world = {
      memcached: await Promise.all([startMemcached(), startMemcached()]),
      adapter: new PlainAdapter(),
    };
  });

  afterEach(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await Promise.all(world.memcached.map((one) => one.stop()));
  });

  async function everybody(app: SessionApp): Promise<Visitor[]> {
    const visitors = Array.from({ length: 10 }, () => app.visitor());
    await Promise.all(visitors.map((visitor, n) => visitor.get(n % 2 ? '/visit' : '/sign-in')));
    return visitors;
  }

  async function seen(app: SessionApp, visitors: readonly Visitor[]): Promise<string[]> {
    const looks = visitors.map((visitor) => through(app, visitor).get('/me'));
    return (await Promise.all(looks)).map(({ body }) => body);
  }

  it('end in this process at once, in others within the interval, and in processes that start later', async () => {
    const [one, other] = [await start(), await start()];
    const visitors = await everybody(one);
    expect(await seen(other, visitors)).not.toContain('{}');
    const nobody = Array<string>(visitors.length).fill('{}');

    await revoke(one);
    const revokedAt = performance.now();
    expect(await seen(one, visitors)).toEqual(nobody);
    while ((await seen(other, visitors)).some((body) => body !== '{}')) await delay(20);
    expect(performance.now() - revokedAt).toBeLessThan(WITHIN * 1000 + 1000);
    expect(await seen(await start(), visitors)).toEqual(nobody);
    expect(await one.app.get(UserSessions).list('ada')).toEqual([]);
  });

  it('can begin again, in every process', async () => {
    const [one, other] = [await start(), await start()];
    const [visitor] = await everybody(one);
    await revoke(one);
    await visitor!.get('/sign-in');
    expect((await visitor!.get('/me')).json).toEqual({ name: 'Ada' });
    while ((await seen(other, [visitor!]))[0] === '{}') await delay(20);
    expect(await one.app.get(UserSessions).list('ada')).toHaveLength(1);
    await revoke(other);
    expect(await seen(other, [visitor!])).toEqual(['{}']);
  });

  it('are not written back by requests in flight', async () => {
    const app = await start();
    const [signedIn, anonymous] = await everybody(app);
    gate = new Gate();
    const slow = anonymous!.post('/slow', {});
    await gate.reached;
    await revoke(app);
    gate.release();
    await slow;
    gate = new Gate();
    const slower = through(app, signedIn!).post('/slow', {});
    await gate.reached;
    gate.release();
    await slower;
    expect((await anonymous!.get('/me')).json).toEqual({});
  });

  it('continue without the option', async () => {
    const app = await start({ revokeEverybodyWithin: false });
    const visitors = await everybody(app);
    await expect(revoke(app)).rejects.toThrow(SessionOptionsError);
    await expect(revoke(app)).rejects.toThrow(/^revokeEverybodyWithin: .*keyPrefix/);
    expect(await seen(app, visitors)).not.toContain('{}');
  });

  it('continue if the end could not be stored', async () => {
    const app = await start();
    const visitors = await everybody(app);
    world.adapter.failure = new Error('down');
    for (const one of world.memcached) one.pause();
    await expect(revoke(app)).rejects.toThrow(SessionStoreError);
    world.adapter.failure = undefined;
    for (const one of world.memcached) one.resume();
    let bodies: string[];
    do bodies = await seen(app, visitors);
    while (bodies.some((body) => body.includes('503')));
    expect(bodies).not.toContain('{}');
  });
});

describe('the ended sessions of all users', () => {
  it('do not come back when either of two servers loses its memory', async () => {
    const memcached = await Promise.all([startMemcached(), startMemcached()]);
    const options = {
      ...{ memcached: memcached.map(({ server }) => server), revokeEverybodyWithin: WITHIN },
    };
    const start = () => startSessionApp({ controllers: [AccountController], options });
    const app = await start();
    const visitors = Array.from({ length: 20 }, () => app.visitor());
    for (const visitor of visitors) await visitor.get('/visit');
    await app.app.get(UserSessions).revokeEverybody();
    await app.close();
    for (const one of memcached) {
      await one.flush();
      const later = await start();
      const bodies = visitors.map((visitor) => {
        const same = later.visitor();
        same.cookie = visitor.cookie;
        return same.get('/me');
      });
      for (const { body } of await Promise.all(bodies)) expect(body).toBe('{}');
      await later.close();
    }
    await Promise.all(memcached.map((one) => one.stop()));
  });
});
