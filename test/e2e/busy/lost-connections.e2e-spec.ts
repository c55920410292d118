import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';

import { crowdNow, outcomesOf, type CrowdSeen } from '../../support/crowd-client.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { startPostgres, type Postgres } from '../../support/postgres.js';
import { recordingProxy } from '../../support/recording-proxy.js';
import { PLATFORMS, type Platform } from '../../support/session-app.js';
import { vanishingProxy } from '../../support/vanishing-proxy.js';
import {
  BusyWorld,
  JOIN,
  READ,
  slowest,
  STORES,
  surroundingsOf,
  UNTOUCHED,
  WRITE,
} from './busy-world.js';

const PER_SECOND = 300;
/** More than ask within two time-outs. */
const CLIENTS = 600;
/** Milliseconds that the load lasts before and after. */
const WHILE = 500;
/** Milliseconds; and what a busy machine may add. */
const RECOVERY = 1_000;
const SLACK = 500;

const isWrite = ({ path }: CrowdSeen): boolean => path === WRITE.path;

let memcached: Memcached;
let postgres: Postgres;
let world: BusyWorld;
let isDown: boolean;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  [memcached, postgres] = await Promise.all([startMemcached(), startPostgres()]);
}, 60_000);

afterAll(() => Promise.all([memcached.stop(), postgres.stop()]));

afterEach(async () => {
  await world.close();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(store: string, platform: Platform, server = memcached.server) {
  isDown = false;
  const place = { memcached: server, postgres: postgres.url };
  world = await BusyWorld.start(platform, STORES[store]!(place));
  await world.crowd.open(CLIENTS, JOIN);
  const watching = setInterval(() => (isDown ||= world.states.includes('down')), 1);
  cleanUps.push(() => clearInterval(watching));
}

/** Lets something happen at 300 requests a second. Returns when it was over, and what was seen. */
async function underLoad(happen: () => unknown, afterwards = WHILE) {
  const loaded = world.crowd.load(PER_SECOND, [READ, READ, READ, WRITE, UNTOUCHED]);
  await delay(WHILE);
  const before = crowdNow();
  await happen();
  const at = crowdNow();
  await delay(afterwards);
  await world.crowd.stop();
  return { before, at, seen: await loaded };
}

/** Reads are all served, and so are writes unless they were in flight. */
function shouldBeServed({ before, at, seen }: Awaited<ReturnType<typeof underLoad>>): void {
  expect(outcomesOf(seen.filter((one) => !isWrite(one)))).toEqual({
    served: seen.filter((one) => !isWrite(one)).length,
  });
  const refused = seen.filter(({ outcome }) => outcome !== 'served');
  expect(refused.filter(({ outcome }) => outcome !== 503)).toEqual([]);
  expect(refused.filter(({ began, took }) => began > at + 5 || began + took < before)).toEqual([]);
}

const OVER_MEMCACHED = surroundingsOf(
  Object.keys(STORES).filter((store) => store.startsWith('memcached')),
);

describe.each(OVER_MEMCACHED)(
  'at 300 requests a second, sessions in %s, on %s',
  (store, platform) => {
    it('a closed connection fails no read, and only writes in flight', async () => {
      const proxy = await recordingProxy(memcached.port);
      cleanUps.push(() => proxy.close());
      await start(store, platform, proxy.server);
      const { connections } = proxy;
      // So that some requests are in flight at any time.
      proxy.delayReplies(20);
      shouldBeServed(await underLoad(() => proxy.cut()));
      expect(isDown).toBe(false);
      expect(proxy.connections).toBe(connections + 1);
      expect(world.app.logged.errors.length).toBeLessThanOrEqual(1);
    });

    it('a connection that is reset within a reply fails no read either, and only writes in flight', async () => {
      const proxy = await recordingProxy(memcached.port);
      cleanUps.push(() => proxy.close());
      await start(store, platform, proxy.server);
      const { connections } = proxy;
      const reset = (): Promise<void> =>
        new Promise((resolve) =>
          proxy.changeReplies((reply) => {
            proxy.changeReplies(undefined);
            resolve();
            return { bytes: reply.subarray(0, 3), thenReset: true };
          }),
        );
      shouldBeServed(await underLoad(reset));
      expect(isDown).toBe(false);
      expect(proxy.connections).toBe(connections + 1);
      expect(world.app.logged.errors.length).toBeLessThanOrEqual(1);
    });

    it.each([0, 150])(
      'a server %i ms away whose connections die is used again within a second, by new ones',
      async (distance) => {
        const distant = await recordingProxy(memcached.port);
        distant.delayReplies(distance);
        cleanUps.push(() => distant.close());
        const proxy = await vanishingProxy(distant.port);
        cleanUps.push(() => proxy.close());
        await start(store, platform, proxy.server);
        const { connections } = proxy;
        const { at, seen } = await underLoad(() => proxy.vanish(), WHILE + RECOVERY);
        // What needs no store shows how long the machine takes.
        const machine = 2 * slowest(seen.filter(({ path }) => path === UNTOUCHED.path));
        const late = seen.filter(({ outcome, began, took }) => {
          return outcome !== 'served' && began + took > at + RECOVERY + SLACK + machine;
        });
        expect(late).toEqual([]);
        expect(Object.keys(outcomesOf(seen)).sort()).toEqual(['503', 'served']);
        expect(isDown).toBe(false);
        // On a busy machine one more may be late; but not one per request.
        expect(proxy.connections).toBeLessThanOrEqual(connections + 10);
        expect(world.app.logged.errors).toHaveLength(1);
      },
    );
  },
);

describe.each(PLATFORMS)('at 300 requests a second, sessions in Postgres, on %s', (platform) => {
  it('a terminated connection fails no read, and only writes in flight', async () => {
    await start('Postgres by Keyv', platform);
    const admin = new Client({ connectionString: postgres.url });
    await admin.connect();
    // The one that was used last, and is used again first.
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
      ORDER BY query_start DESC LIMIT 1`;
    const found = await underLoad(() => admin.query(end));
    await admin.end();
    shouldBeServed(found);
    expect(isDown).toBe(false);
  });
});
