import { median } from './statistics.js';

/** What is measured of one operation that many workers repeat in this process. */
export interface DuelPlan {
  readonly rounds: number;
  /** Operations of a turn. */
  readonly operations: number;
  /** How many are under way at a time. */
  readonly parallel: number;
}

/** Microseconds an operation. */
export interface DuelRow {
  readonly name: string;
  /** CPU time of this process, by the operating system. */
  readonly cpu: { readonly min: number; readonly median: number };
  readonly elapsed: { readonly min: number; readonly median: number };
}

/** What is measured; `turn` counts up. */
export type Operation<T> = (turn: number) => Promise<T>;

interface Turn {
  readonly cpu: number;
  readonly elapsed: number;
}

/**
 * Operations by turns, in this process, so that what else the machine does hits all alike. `check`
 * throws if it is not the result that was to come.
 */
export async function duel<T>(
  operations: Readonly<Record<string, Operation<T>>>,
  check: (result: T) => void,
  plan: DuelPlan,
  progress: (text: string) => void,
): Promise<DuelRow[]> {
  const lanes = Object.entries(operations).map(([name, operation]) => {
    const turns: Turn[] = [];
    return { name, operation, turns };
  });
  // The first two rounds are to warm up.
  for (let round = -1; round <= plan.rounds; round++) {
    progress(`Round ${Math.max(0, round)} of ${plan.rounds}`);
    for (const { operation, turns } of round % 2 ? lanes : lanes.toReversed()) {
      const turn = await takeTurn(operation, check, plan);
      if (round > 0) turns.push(turn);
    }
  }
  return lanes.map(({ name, turns }) => ({
    name,
    cpu: summary(turns.map(({ cpu }) => cpu)),
    elapsed: summary(turns.map(({ elapsed }) => elapsed)),
  }));
}

async function takeTurn<T>(
  operation: Operation<T>,
  check: (result: T) => void,
  plan: DuelPlan,
): Promise<Turn> {
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun < plan.operations) check(await operation(begun++));
  };
  const [cpu, time] = [process.cpuUsage(), performance.now()];
  await Promise.all(Array.from({ length: plan.parallel }, work));
  const { user, system } = process.cpuUsage(cpu);
  return {
    cpu: (user + system) / plan.operations,
    elapsed: ((performance.now() - time) * 1000) / plan.operations,
  };
}

function summary(values: readonly number[]): { min: number; median: number } {
  return { min: Math.min(...values), median: median(values) };
}
