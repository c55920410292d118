import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { reduce } from './reduction.js';
import { schedule, type Schedule } from './schedule.js';
import { delayByTime } from './simulated-delay.js';
import { Simulation } from './simulation.js';

/*
 * SCHEDULES        how many
 * SIMULATE_SEED    of a run to repeat, as a failure prints it; SIMULATE_PATH with it: just that schedule
 */
const { SCHEDULES = '100000', SIMULATE_SEED, SIMULATE_PATH } = process.env;

/** The least of it that shows the same, in words. */
async function tell(planned: Schedule, problem: string): Promise<string> {
  const simulation = new Simulation(await reduce(planned, problem), true);
  const problems = await simulation.play();
  return [...problems, '', JSON.stringify(planned.options), ...simulation.log.lines, ''].join('\n');
}

describe('several processes over stores that lose, delay and forget', () => {
  afterAll(delayByTime);

  it(
    `keep all promises: ${SCHEDULES} random schedules`,
    async () => {
      let played = 0;
      const property = fc.asyncProperty(schedule, async (planned: Schedule) => {
        played++;
        const problems = await new Simulation(planned).play();
        if (problems.length > 0) throw new Error(await tell(planned, problems[0]!));
      });
      await fc.assert(property, {
        numRuns: Number(SCHEDULES),
        ...(SIMULATE_SEED && { seed: Number(SIMULATE_SEED) }),
        ...(SIMULATE_PATH && { path: SIMULATE_PATH, endOnFailure: true }),
      });
      expect(played).toBeGreaterThan(0);
    },
    Number(SCHEDULES) * 100 + 120_000,
  );
});
