import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { explain } from './explanation.js';
import { describeHistory } from './history.js';
import { program } from './program.js';
import { startRacesWorld, type RacesStore, type RacesWorld } from './races-world.js';
import { ProgramRunner } from './run-program.js';

/*
 * RACES           how many programs, in all stores together
 * RACES_SEED      of a run to repeat, as a failure prints it; RACES_PATH with it: just that program
 * RACES_PACKAGE   the folder of another build of the package, such as one with a planted bug
 */
const { RACES = '3000', RACES_SEED, RACES_PATH, RACES_PACKAGE } = process.env;
const PROGRAM_TIMEOUT = 20_000;

const SHARES: readonly [RacesStore, number][] = [
  ['memcached', 0.5],
  ['redis', 0.15],
  ['valkey', 0.1],
  ['postgres', 0.25],
];
const STORES = SHARES.map(([store, share]) => ({
  store,
  programs: Math.ceil(Number(RACES) * share),
}));

describe.each(STORES)('parallel requests of one session in $store', ({ store, programs }) => {
  let world: RacesWorld;

  beforeAll(async () => {
    world = await startRacesWorld(store, RACES_PACKAGE);
  }, 60_000);

  afterAll(() => world.stop());

  it(
    `in two processes, on Express and Fastify, are explained by an order of their steps: ${programs} random programs`,
    async () => {
      const runner = new ProgramRunner(world);
      let played = 0;
      let unknown = 0;
      const property = fc.asyncProperty(program, async (steps) => {
        const history = await runner.run(steps);
        played++;
        const explanation = explain(history);
        if (explanation === 'too many') unknown++;
        if (explanation === 'too many' || 'isFound' in explanation) return;
        throw new Error(
          `no order of steps explains this history; at most the requests ` +
            `${explanation.explained.join(', ')}:\n${describeHistory(history)}`,
        );
      });
      await fc.assert(property, {
        numRuns: programs,
        timeout: PROGRAM_TIMEOUT,
        ...(RACES_SEED && { seed: Number(RACES_SEED) }),
        ...(RACES_PATH && { path: RACES_PATH, endOnFailure: true }),
      });
      expect(played).toBeGreaterThan(0);
      // About one in a hundred, and chance alone brings several among few.
      expect(unknown).toBeLessThan(5 + played * 0.03);
    },
    programs * 1000 + 120_000,
  );
});
