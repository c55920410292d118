import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';

import { memcachedStore, type SessionModuleOptions } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { use, usePostgres } from '../support/hooks.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { openOn, TABLE } from '../support/postgres-store.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';
import { at, CONTROLLERS, signedIn, userOf } from './users-app.js';

/** Seconds within which all has to be well again on a busy machine. */
const RECOVERY = 5;

describe.each(PLATFORMS)('Postgres behind memcached, on %s', (platform) => {
  const postgres = usePostgres();
  const outside = use(
    () => Promise.resolve({ pool: new Pool({ connectionString: postgres.url }) }),
    ({ pool }) => pool.end(),
  );
  let memcached: Memcached;
  let isDown: boolean;
  const apps: SessionApp[] = [];

  beforeEach(async () => {
    memcached = await startMemcached();
    isDown = false;
  });

  afterEach(async () => {
    if (isDown) await postgres.restart();
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await memcached.stop();
  });

  async function start(options: SessionModuleOptions = {}, clock?: TestClock) {
    const app = await startSessionApp({
      platform,
      options: { stores: [memcachedStore(memcached.server), openOn(postgres)], ...options },
      controllers: CONTROLLERS,
      ...(clock && { clock: clock.now }),
    });
    apps.push(app);
    return app;
  }

  async function restartMemcached(): Promise<void> {
    await memcached.kill();
    memcached = await startMemcached({ port: memcached.port });
  }

  /** The first answer that is not a 503. */
  async function told(visitor: Visitor): Promise<unknown> {
    for (const end = performance.now() + RECOVERY * 1000; ;) {
      const { status, json } = await visitor.get('/me');
      if (status === 200) return json;
      expect(status).toBe(503);
      expect(performance.now()).toBeLessThan(end);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it.each([
    ['without secrets', {}],
    ['with secrets', { secrets: 'x'.repeat(32) }],
  ])('sessions survive that memcached loses its memory, %s', async (_which, options) => {
    const app = await start(options);
    const visitors = await Promise.all(['ada', 'zoe'].map((user) => signedIn(app, user)));
    await visitors[0]!.post('/visit');
    await restartMemcached();
    expect(await told(visitors[0]!)).toEqual({ user: 'ada', visits: 1 });
    expect(await told(visitors[1]!)).toEqual({ user: 'zoe', visits: null });
  });

  it('what has ended stays so, however often memcached loses its memory', async () => {
    const app = await start();
    const visitor = await signedIn(app);
    const before = at(app, visitor);
    await visitor.post('/sign-in/eve');
    const old = at(app, visitor);
    await visitor.post('/sign-out');
    for (let round = 0; round < 2; round++) {
      await restartMemcached();
      expect(await told(before)).toEqual({ user: null, visits: null });
      expect(await told(old)).toEqual({ user: null, visits: null });
    }
  });

  it('parallel writes of two processes are all there afterwards', async () => {
    const both = [await start(), await start()];
    const visitor = both[0]!.visitor();
    await visitor.post('/visit');
    const writes = Array.from({ length: 30 }, (_, i) => at(both[i % 2]!, visitor).post('/visit'));
    expect((await Promise.all(writes)).map(({ status }) => status)).toEqual(Array(30).fill(201));
    await restartMemcached();
    expect(await told(visitor)).toEqual({ user: null, visits: 31 });
  });

  it('a sign-out while Postgres is down is a 503, and holds once it is said', async () => {
    const app = await start();
    const visitor = await signedIn(app);
    await postgres.kill();
    isDown = true;
    expect((await at(app, visitor).post('/sign-out')).status).toBe(503);
    expect(await userOf(visitor)).toBe('ada');
    await postgres.restart();
    isDown = false;
    for (const end = performance.now() + RECOVERY * 1000; ;) {
      if ((await at(app, visitor).post('/sign-out')).status === 204) break;
      expect(performance.now()).toBeLessThan(end);
    }
    await restartMemcached();
    expect(await told(visitor)).toEqual({ user: null, visits: null });
  });

  it('a process whose clock is an hour ahead restores sessions all the same', async () => {
    const clocks = [new TestClock(), new TestClock()] as const;
    clocks[1].pass(3600);
    const [here, there] = [await start({}, clocks[0]), await start({}, clocks[1])];
    const visitor = here.visitor();
    await visitor.post('/visit');
    await restartMemcached();
    expect(await told(at(there, visitor))).toEqual({ user: null, visits: 1 });
    await restartMemcached();
    expect(await told(visitor)).toEqual({ user: null, visits: 1 });
  });

  it('a restored session has what was left of its life, by the clock of Postgres', async () => {
    const app = await start();
    const visitor = app.visitor();
    await visitor.post('/visit');
    await restartMemcached();
    await outside.pool.query(`UPDATE ${TABLE} SET expires_at = expires_at - interval '1 hour'`);
    expect(await told(visitor)).toEqual({ user: null, visits: null });
  });

  it('expired copies are removed', async () => {
    const stores = [memcachedStore(memcached.server), openOn(postgres, { cleanUpEvery: 1 })];
    const app = await start({ stores, keyPrefix: 'cleaned:' });
    const visitor = await signedIn(app);
    await visitor.post('/sign-out');
    await outside.pool.query(`UPDATE ${TABLE} SET expires_at = now() - interval '1 hour'`);
    const count = async () =>
      (await outside.pool.query(`SELECT 1 FROM ${TABLE} WHERE key LIKE 'cleaned:%'`)).rowCount;
    while ((await count()) !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
  });
});
