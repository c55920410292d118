import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';
import { isLoss, isRightAnswer, wrongsOf } from './memcached/judgement.js';
import { programs, type Program } from './memcached/program.js';
import { Simulation } from './memcached/simulation.js';

/** Plays such programs; none may leave what `problemsOf` finds. */
async function play(
  generated: fc.Arbitrary<Program>,
  problemsOf: (simulation: Simulation) => string[],
  part = 0.2,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(generated, async (program) => {
      const simulation = new Simulation(program);
      await simulation.play();
      const problems = [...problemsOf(simulation), ...simulation.leftovers];
      // Not by a matcher for each of millions of cases; it explains the one that fails.
      if (problems.length > 0) expect(problems).toEqual([]);
    }),
    fuzzRuns(part),
  );
}

describe('any behaviour of a server', () => {
  it(
    'ends each operation in time, with its own answer or as lost',
    async () => {
      const seen = new Set<string>();
      await play(programs(true), ({ run }) => {
        for (const { outcome } of run.endings.values()) seen.add(outcome.replace(/^\d.*/s, 'item'));
        return run.operations.flatMap((_operation, index) => wrongsOf(run, index));
      });
      // Each way in which an operation can end has been there.
      expect([...seen].sort()).toEqual([
        ...['END', 'EXISTS', 'NOT_FOUND', 'NOT_STORED', 'SERVER_ERROR out of memory', 'STORED'],
        ...['item', 'lost', 'malformed'],
      ]);
    },
    FUZZ_TIMEOUT,
  );

  it(
    'loses no operation if all are answered in time',
    async () => {
      const healthy = programs(true).map((program) => ({
        ...program,
        dials: program.dials.map(({ after }) => ({ how: 'opened' as const, after: after % 4 })),
        answers: program.answers.map((one) => ({ ...one, how: 'right' as const, after: 0 })),
        readsAfter: program.readsAfter % 2,
      }));
      await play(
        healthy,
        ({ run }) =>
          [...run.endings]
            .filter(([, { outcome }]) => isLoss(outcome))
            .map(([index]) => `${index} is lost`),
        0.05,
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'ends no operation with the answer to another, even if replies are swapped',
    async () => {
      await play(programs(false), ({ run }) =>
        run.operations.flatMap((operation, index) => {
          const ending = run.endings.get(index);
          return ending && !isRightAnswer(operation, ending.outcome)
            ? [`${operation.verb} ${index} of ${operation.key}: ${ending.outcome}`]
            : [];
        }),
      );
    },
    FUZZ_TIMEOUT,
  );

  it(
    'reports each failure at once, by an answer or by a loss',
    async () => {
      await play(
        programs(true),
        ({ run: { told, endings } }) =>
          [...endings]
            .filter(([, { error, endedAt }]) => error && !told.failures.includes(endedAt))
            .map(
              ([index, { outcome }]) => `${index} ended as ${outcome}, and no failure was reported`,
            ),
        0.05,
      );
    },
    FUZZ_TIMEOUT,
  );
});
