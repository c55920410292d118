import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startMemcached, type Memcached } from '../../support/memcached.js';
import { startPostgres, type Postgres } from '../../support/postgres.js';
import { block, BusyWorld, JOIN, STORES, surroundingsOf } from './busy-world.js';

/** Half of them read, and the others write. */
const CLIENTS = 200;
const LATER = 180;
const HOUR = 60 * 60 * 1000;

let memcached: Memcached;
let postgres: Postgres;

beforeAll(async () => {
  [memcached, postgres] = await Promise.all([startMemcached(), startPostgres()]);
}, 60_000);

afterAll(() => Promise.all([memcached.stop(), postgres.stop()]));

describe.each(surroundingsOf(Object.keys(STORES)))(
  'with 200 requests in flight, sessions in %s, on %s',
  (store, platform) => {
    let world: BusyWorld;

    beforeAll(async () => {
      const place = { memcached: memcached.server, postgres: postgres.url };
      world = await BusyWorld.start(platform, { timeout: 7200, ...STORES[store]!(place) });
      await world.crowd.open(CLIENTS, JOIN);
    }, 60_000);

    afterAll(() => world.close());

    async function servesLater(): Promise<void> {
      expect(await world.readAndWrite(LATER)).toEqual({ served: LATER });
      expect(new Set(world.states)).toEqual(new Set(['up']));
      expect(world.app.logged).toMatchObject({ errors: [], warnings: [] });
    }

    it.each([600, 2_000])(
      'a process that is blocked for %i ms serves all requests',
      async (milliseconds) => {
        const answers = world.readAndWrite(CLIENTS);
        await world.arrived(CLIENTS);
        // Some commands are not sent yet.
        block(milliseconds);
        expect(await answers).toEqual({ served: CLIENTS });
        await servesLater();
      },
    );

    it('a process that is blocked repeatedly serves all requests', async () => {
      const answers = world.readAndWrite(CLIENTS);
      await world.arrived(CLIENTS);
      for (let times = 0; times < 5; times++) {
        // Some commands are sent, and some answers arrive while the event loop is blocked.
        await new Promise((resolve) => setImmediate(resolve));
        block(300);
      }
      expect(await answers).toEqual({ served: CLIENTS });
      await servesLater();
    });

    it.each([
      ['forward by an hour', HOUR],
      ['back by an hour', -HOUR],
      ['forward by two seconds', 2_000],
    ])('a clock that is set %s fails no request, and ends no session', async (_how, offset) => {
      const { now } = Date;
      const answers = world.readAndWrite(CLIENTS);
      await world.arrived(CLIENTS);
      try {
        Date.now = () => now() + offset;
        expect(await answers).toEqual({ served: CLIENTS });
        await servesLater();
      } finally {
        Date.now = now;
      }
      await servesLater();
    });
  },
);
