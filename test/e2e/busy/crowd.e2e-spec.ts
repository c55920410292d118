import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { outcomesOf } from '../../support/crowd-client.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { startPostgres, type Postgres } from '../../support/postgres.js';
import { BusyWorld, JOIN, READ, STORES, surroundingsOf, WRITE } from './busy-world.js';

const CLIENTS = 2_000;
/** Milliseconds in which a busy machine serves all who wait at once. */
const PATIENCE = 180_000;

let memcached: Memcached;
let postgres: Postgres;

beforeAll(async () => {
  [memcached, postgres] = await Promise.all([startMemcached(), startPostgres()]);
}, PATIENCE);

afterAll(() => Promise.all([memcached.stop(), postgres.stop()]));

describe.each(surroundingsOf(Object.keys(STORES)))(
  'a crowd of 2,000 clients, sessions in %s, on %s',
  (store, platform) => {
    let world: BusyWorld;

    beforeAll(async () => {
      const place = { memcached: memcached.server, postgres: postgres.url };
      world = await BusyWorld.start(platform, STORES[store]!(place));
      await world.crowd.open(CLIENTS);
    }, PATIENCE);

    afterAll(() => world.close());

    it(
      'gets a session each, all at the same time',
      async () => {
        const seen = await world.crowd.ask(CLIENTS, [JOIN]);
        expect(outcomesOf(seen)).toEqual({ served: CLIENTS });
      },
      PATIENCE,
    );

    it.each([
      ['reads for two seconds', 2_000, [READ]],
      ['reads and writes for a while', 500, [READ, WRITE]],
    ])(
      'is served when it %s, and later clients, too',
      async (_what, milliseconds, requests) => {
        const seen = await world.crowd.ask(CLIENTS, requests, milliseconds);
        expect(seen.length).toBeGreaterThanOrEqual(CLIENTS);
        expect(outcomesOf(seen)).toEqual({ served: seen.length });

        const [next] = await world.crowd.ask(1, [READ]);
        expect(next).toMatchObject({ outcome: 'served' });
      },
      PATIENCE,
    );

    it('does not cause an outage', () => {
      expect(new Set(world.states)).toEqual(new Set(['up']));
      expect(world.app.logged).toMatchObject({ errors: [], warnings: [] });
    });
  },
);
