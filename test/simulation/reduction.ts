import { ALL, type Act, type Schedule } from './schedule.js';
import { Simulation } from './simulation.js';

/**
 * The least schedule that shows the same: fast-check shortens a list at its ends, and this takes out of
 * its middle what does not matter.
 */
export async function reduce(schedule: Schedule, problem: string): Promise<Schedule> {
  const shows = async (acts: readonly Act[]): Promise<boolean> => {
    const [first] = await new Simulation({ ...schedule, acts }).play();
    return first !== undefined && kindOf(first) === kindOf(problem);
  };
  let { acts } = schedule;
  for (let less = await firstThat(shows, lessOf(acts)); less;) {
    acts = less;
    less = await firstThat(shows, lessOf(acts));
  }
  return { ...schedule, acts };
}

async function firstThat<T>(
  holds: (one: T) => Promise<boolean>,
  all: Iterable<T>,
): Promise<T | undefined> {
  for (const one of all) if (await holds(one)) return one;
  return undefined;
}

/** The same with one act less, or one act with one operation less, or one that is simpler. */
function* lessOf(acts: readonly Act[]): Iterable<readonly Act[]> {
  for (const n of acts.keys()) yield acts.toSpliced(n, 1);
  for (const [n, act] of acts.entries()) for (const less of simpler(act)) yield acts.with(n, less);
}

function* simpler(act: Act): Iterable<Act> {
  if (act.act === 'go' && act.pick !== 0) yield { ...act, pick: 0 };
  if ((act.act === 'go' || act.act === 'request') && act.steps < ALL) yield { ...act, steps: ALL };
  if (act.act !== 'request') return;
  const { operations, client, process } = act;
  if (client > 0) yield { ...act, client: 0 };
  if (process > 0) yield { ...act, process: 0 };
  for (const n of operations.keys()) yield { ...act, operations: operations.toSpliced(n, 1) };
}

/** What is wrong, but not with which request, session or id. */
export function kindOf(problem: string): string {
  return problem
    .replace(/#\d+(\.\d+)?(,#\d+\.\d+)*/g, '#')
    .replace(/\b(id|record) \d+/g, 'id')
    .replace(/\b[ABC] got/, 'X got')
    .replace(/\b(ada|bob)\b/g, 'a user');
}
