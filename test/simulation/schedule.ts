import fc from 'fast-check';

/** What the application was started with. */
export interface Options {
  readonly maxSessionsPerUser: number | false;
  readonly whenTooMany: 'refuse' | 'end-oldest';
  /** Seconds. */
  readonly rotateEvery: number | false;
  readonly tier: 'none' | 'required' | 'besteffort';
  /** Seconds without a request at the end. */
  readonly rest: number;
}

/** The idle timeout, in seconds. */
export const TIMEOUT = 86_400;

/** The longest that a session may have for itself. */
export const LONGEST = 3 * TIMEOUT;

/** Long enough that a session which is not used until then has ended, unless it was used since. */
const LONG = 50_000;

export type Keep = true | false | readonly ['list'];

/** What a handler does with its session. One that throws ends it. */
export type Operation =
  | { readonly do: 'read' | 'append' | 'set' | 'save' | 'create' | 'wait' | 'list' }
  | { readonly do: 'reload' | 'confirm' }
  | { readonly do: 'live'; readonly seconds: number }
  | { readonly do: 'regenerate'; readonly keep: Keep }
  | { readonly do: 'sign out'; readonly keep?: Keep | undefined }
  | {
      readonly do: 'sign in';
      readonly user: number;
      readonly keep: Keep;
      readonly remember?: number | true | undefined;
    }
  | { readonly do: 'revoke all'; readonly user: number };

/** Enough events for it to come to its end, or to its next wait. */
export const ALL = 1000;

/** One thing after the other. */
export type Act =
  | {
      readonly act: 'request';
      readonly client: number;
      readonly process: number;
      /** 0: the client's own id as it is now; 1: the one before; -1: another client's. */
      readonly id: number;
      readonly operations: readonly Operation[];
      /** Whether it renews the session as it reads it. */
      readonly touch?: boolean;
      /** How many events happen before the next act. */
      readonly steps: number;
    }
  /** Lets a request continue. `pick`: it begins with another event than the first. */
  | { readonly act: 'go'; readonly which: number; readonly steps: number; readonly pick: number }
  /** What a request has asked a server for. */
  | { readonly act: 'fail'; readonly which: number; readonly how: 'lost' | 'late' }
  /** A command that was late. */
  | { readonly act: 'arrive'; readonly which: number }
  | { readonly act: 'hang up'; readonly which: number }
  | { readonly act: 'crash'; readonly process: number; readonly how: 'lost' | 'late' }
  | { readonly act: 'clock'; readonly process: number; readonly seconds: number }
  | { readonly act: 'pass'; readonly seconds: number }
  | { readonly act: 'down' | 'up'; readonly what: 'server' | 'tier' }
  | { readonly act: 'restart' }
  | { readonly act: 'circle'; readonly client: number };

export interface Schedule {
  readonly options: Options;
  readonly acts: readonly Act[];
}

export const CLIENTS = 3;
export const PROCESSES = 2;
export const USERS = ['ada', 'bob'] as const;

const options: fc.Arbitrary<Options> = fc.record({
  maxSessionsPerUser: fc.constantFrom(false as const, 1, 2),
  whenTooMany: fc.constantFrom('end-oldest', 'refuse'),
  rotateEvery: fc.constantFrom(false as const, false as const, 5),
  tier: fc.constantFrom('none', 'none', 'required', 'besteffort'),
  rest: fc.constantFrom(0, LONG, 2 * LONG),
});

const seconds = fc.constantFrom(20_000, 2 * TIMEOUT, LONGEST);
const keep = fc.constantFrom<Keep>(true, true, false, ['list']);
const user = fc.constantFrom(0, 0, 0, 1);
const which = fc.nat({ max: 5 });
const steps = fc.oneof({ weight: 2, arbitrary: fc.constant(ALL) }, fc.nat({ max: 14 }));

const plain = <D extends Operation['do']>(...what: D[]) =>
  fc.constantFrom(...what).map((one) => ({ do: one }) as Operation);

const signOut: fc.Arbitrary<Operation> = fc.record({ do: fc.constant('sign out'), keep });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: plain(
      ...(['append', 'append', 'append', 'set', 'wait', 'wait', 'read', 'save'] as const),
      ...(['save', 'sign out', 'create', 'list', 'reload'] as const),
    ),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('regenerate'), keep }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sign in'), user, keep }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('sign in'),
      user,
      keep,
      remember: fc.oneof(seconds, fc.constant(true as const)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(
      plain('confirm', 'reload'),
      fc.record({ do: fc.constant('live'), seconds }),
      signOut,
    ),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke all'), user }) },
);

const process = fc.nat({ max: PROCESSES - 1 });
const client = fc.constantFrom(0, 0, 0, 1, 2);

const request = (operations: fc.Arbitrary<Operation[]>, touch = true): fc.Arbitrary<Act> =>
  fc.record({
    act: fc.constant('request'),
    client,
    process,
    id: fc.constantFrom(0, 0, 0, 0, 0, 1, -1, -1),
    operations,
    touch: fc.constant(touch),
    steps,
  });

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 10,
    arbitrary: request(fc.array(operation, { minLength: 1, maxLength: 4, size: 'max' })),
  },
  {
    weight: 2,
    arbitrary: request(
      fc.array(
        fc.oneof(
          { weight: 3, arbitrary: plain('read', 'wait', 'reload') },
          { weight: 1, arbitrary: operation },
        ),
        { minLength: 1, maxLength: 2 },
      ),
      false,
    ),
  },
  // Others change or end the session after it was read.
  { weight: 2, arbitrary: request(fc.tuple(plain('wait'), fc.oneof(plain('reload'), signOut))) },
  {
    weight: 9,
    arbitrary: fc.record({
      act: fc.constant('go'),
      which,
      steps,
      pick: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      act: fc.constant('fail'),
      which,
      how: fc.constantFrom('lost', 'lost', 'late'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ act: fc.constant('arrive'), which }),
      fc.record({ act: fc.constant('hang up'), which }),
      fc.record({ act: fc.constant('crash'), process, how: fc.constantFrom('lost', 'late') }),
      fc.record({ act: fc.constant('clock'), process, seconds: fc.constantFrom(2, -2, 3600) }),
      fc.record({ act: fc.constant('pass'), seconds: fc.constantFrom(1, 6, 11, 61, 301) }),
      fc.record({ act: fc.constant('pass'), seconds: fc.constantFrom(1, 6, 11, 61, 301, LONG) }),
      fc.record({
        act: fc.constantFrom('down', 'up', 'up'),
        what: fc.constantFrom('server', 'tier'),
      }),
      fc.constant({ act: 'restart' } as const),
      fc.record({ act: fc.constant('circle'), client }),
    ),
  },
);

export const schedule: fc.Arbitrary<Schedule> = fc.record({
  options,
  acts: fc.array(act, { minLength: 2, maxLength: 14, size: 'max' }),
});
