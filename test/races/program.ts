import fc from 'fast-check';

import type { Operation } from './operation.js';

/** What several clients do with one session, one step after the other. */
export interface Program {
  /** How late memcached's answers come to each of the two servers, in milliseconds. */
  readonly lags: readonly [number, number];
  readonly steps: readonly Step[];
}

export type Step =
  | {
      readonly step: 'request';
      readonly server: 0 | 1;
      /** 0: with the newest id known, 1: with the one before, and so on. */
      readonly staleness: number;
      readonly operations: readonly Operation[];
      /** Whether the next step waits for its answer, or for it to come to a `wait`. */
      readonly parallel: boolean;
    }
  /** Lets a waiting request continue. */
  | { readonly step: 'release'; readonly which: number; readonly parallel: boolean }
  /** The client of a request hangs up. */
  | { readonly step: 'abort'; readonly which: number }
  /** Until all requests are answered, or wait. */
  | { readonly step: 'settle' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ do: 'read' } as const) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('set'), entry: fc.constantFrom('shared', 'own') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('delete'),
      entry: fc.constantFrom('shared', 'own', 'count', 'list'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('increment'), by: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ do: 'append' } as const) },
  { weight: 2, arbitrary: fc.constant({ do: 'push' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' } as const) },
  { weight: 2, arbitrary: fc.constant({ do: 'save' } as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('regenerate'),
      keep: fc.constantFrom(true, false, ['shared', 'count']),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('signIn'),
      user: fc.oneof({ weight: 3, arbitrary: fc.constant('ada') }, fc.constant('zoe')),
      keep: fc.constantFrom(true, false, ['shared', 'count']),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'destroy' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'create' } as const) },
  { weight: 5, arbitrary: fc.constant({ do: 'wait' } as const) },
  { weight: 1, arbitrary: fc.constant({ do: 'refuse' } as const) },
);

const which = fc.nat({ max: 7 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      step: fc.constant('request'),
      server: fc.constantFrom(0, 1),
      staleness: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat({ max: 3 })),
      operations: fc.array(operation, { minLength: 1, maxLength: 5, size: 'max' }),
      parallel: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ step: fc.constant('release'), which, parallel: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('abort'), which }) },
  { weight: 1, arbitrary: fc.constant({ step: 'settle' } as const) },
);

const lag = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 4 }));

export const program: fc.Arbitrary<Program> = fc.record({
  lags: fc.tuple(lag, lag),
  steps: fc.array(step, { minLength: 1, maxLength: 14, size: 'max' }),
});
