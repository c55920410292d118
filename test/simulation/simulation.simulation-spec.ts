import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { schedule, type Schedule } from './schedule.js';
import { delayByTime } from './simulated-delay.js';
import { Simulation } from './simulation.js';
import { Survey } from './survey.js';
import { tell } from './tell.js';

/*
 * SCHEDULES        how many
 * SIMULATE_SEED    of a run to repeat, as a failure prints it; SIMULATE_PATH with it: just that schedule
 * SURVEY           continue after a failure, and count each kind
 */
const { SCHEDULES = '100000', SIMULATE_SEED, SIMULATE_PATH, SURVEY } = process.env;

describe('several processes over stores that lose, delay and forget', () => {
  afterAll(delayByTime);

  const play = async (): Promise<void> => {
    const property = fc.asyncProperty(schedule, async (planned: Schedule) => {
      const [problem] = await new Simulation(planned).play();
      if (problem !== undefined) throw new Error(await tell(planned, problem));
    });
    await fc.assert(property, {
      numRuns: Number(SCHEDULES),
      ...(SIMULATE_SEED && { seed: Number(SIMULATE_SEED) }),
      ...(SIMULATE_PATH && { path: SIMULATE_PATH, endOnFailure: true }),
    });
  };

  const survey = async (): Promise<void> => {
    const seed = Number(SIMULATE_SEED ?? Date.now() | 0);
    const found = await new Survey((text) => process.stdout.write(text)).play(
      Number(SCHEDULES),
      seed,
    );
    expect(found).toEqual([]);
  };

  it(
    `keep all promises: ${SCHEDULES} random schedules`,
    () => (SURVEY ? survey() : play()),
    Number(SCHEDULES) * 100 + 120_000,
  );
});
