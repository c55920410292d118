import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { PLATFORMS } from '../support/session-app.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startPostgres, type Postgres } from '../support/postgres.js';
import { endWithRequests } from './application-faults.js';
import { Crowd } from './crowd.js';
import { FaultsApp } from './faults-app.js';

const VISITORS = 50;
const PLACES = ['memcached', 'memcached with a durable tier', 'Postgres alone'] as const;
const CASES = PLACES.flatMap((place) => PLATFORMS.map((platform) => ({ place, platform })));

describe.each(CASES)('SIGTERM with requests in flight: $place, on $platform', (world) => {
  const { place, platform } = world;
  let memcached: Memcached;
  let postgres: Postgres | undefined;
  let app: FaultsApp;
  let crowd: Crowd;

  beforeEach(async () => {
    memcached = await startMemcached();
    postgres = place === 'memcached' ? undefined : await startPostgres();
    await start();
  }, 60_000);

  async function start(exits = false): Promise<void> {
    app = new FaultsApp({
      ...{ contender: 'ours', platform, exits },
      stores: {
        ...(place !== 'Postgres alone' && { memcached: memcached.server }),
        ...(postgres && { postgres: postgres.url }),
      },
    });
    await app.start();
    crowd = new Crowd(() => app.port, { size: VISITORS, joinsAgain: false });
    await crowd.join();
  }

  afterEach(async () => {
    crowd.leave();
    await app.stop();
    await Promise.all([memcached.stop(), postgres?.stop()]);
  });

  it('answers and saves all, although Nest closes the stores before', async () => {
    await endWithRequests(app, crowd);
    expect(crowd.seen.map(({ outcome }) => outcome)).toEqual(Array(VISITORS).fill('served'));

    await app.start();
    const after = await crowd.look();
    expect(after.map(({ outcome }) => outcome)).toEqual(Array(VISITORS).fill('served'));
  });

  it("ends the process like Nest's shutdown hooks: by the signal, or with code 0", async () => {
    expect(await endWithRequests(app, crowd)).toEqual({ code: null, signal: 'SIGTERM' });
    crowd.leave();
    await start(true);
    expect(await endWithRequests(app, crowd)).toEqual({ code: 0, signal: null });
  });
});
