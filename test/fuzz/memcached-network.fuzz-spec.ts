import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';
import { wrongsOf } from './memcached/judgement.js';
import { NetworkRun } from './memcached/network-run.js';
import { programs, type Program } from './memcached/program.js';

/** They wait for each other's time outs rather than one after the other. */
const AT_A_TIME = 16;

/** Deadlines are real here, so there are only these cases, and no failure is shrunk. */
const MOST_RUNS = 100;

const { numRuns, ...parameters } = fuzzRuns<[Program[]]>(0.002);

async function problemsOf(program: Program): Promise<string[]> {
  const network = await NetworkRun.begin(program);
  const leftovers = await network.play();
  const { run } = network;
  return [...leftovers, ...run.operations.flatMap((_operation, index) => wrongsOf(run, index))];
}

describe('any behaviour of a server over TCP', () => {
  it(
    'ends each operation with its own answer or as lost',
    async () => {
      const several = fc.array(programs(true), { minLength: AT_A_TIME, maxLength: AT_A_TIME });
      await fc.assert(
        fc.asyncProperty(several, async (played) => {
          expect((await Promise.all(played.map(problemsOf))).flat()).toEqual([]);
        }),
        { ...parameters, numRuns: Math.min(MOST_RUNS, numRuns!), endOnFailure: true },
      );
    },
    FUZZ_TIMEOUT,
  );
});
