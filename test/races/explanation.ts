/**
 * The model: what must hold of parallel requests of one session.
 *
 * Each request reads its session once, works on what it read, and touches the store again in few
 * moments only: when its changes are stored (at a `save` and at the end), when it gives the session
 * a new id and when it ends it. **There must be an order of all these moments, one after the other,
 * in which everything is as the clients saw it**: what was read, each number that an increment
 * returned, each status, each cookie. An order of moments, not of requests: requests overlap, and
 * must not undo what they do not see.
 *
 * What happens in such a moment is simple, and written in `model-session.ts`:
 *
 * - the changes of a request, entry by entry, are made to the newest entries: nothing that was
 *   acknowledged is lost but by a later change of the same entry, a `clear`, a `destroy`, or a new
 *   id that did not keep it; increments and updates by a function all count;
 * - nothing is ever written to a session that is gone;
 * - a new id takes the session from the old one, which is no session from then on. Requests that had
 *   read it before still land their changes if it kept all entries. A sign-in, and a new id that did not
 *   keep all, are borders: to those requests the session is gone;
 * - of two new ids at once the first takes the session, the second gets one of its own, of what its
 *   request sees. If the session was ended, a new id is refused, and a sign-in begins an empty one;
 * - what a request set or deleted and is as it was read, or last stored, is no change;
 * - only a request that began a session, or gave it its new id, gets a cookie with an id; one that
 *   ended its session gets the cookie cleared; all others get none.
 *
 * The order must fit the clock: what is answered before another request starts, or goes on after a
 * `wait`, comes before it. So a write that was acknowledged is seen by every later reader.
 *
 * A request whose client had hung up may have happened completely, in part (its changes up to then are
 * stored at any later moment) or not at all, at any time. But it happens at most once and in one piece,
 * and never after a destroy. A user's new id that could not be delivered is ended.
 *
 * A search with memoization finds whether there is such an order. Values are unique, so nearly every wrong
 * choice is detected at the next read.
 */
import type { History, RequestHistory } from './history.js';
import {
  goOn,
  NOT_STARTED,
  storeUnasked,
  takeStep,
  timeOfStep,
  withdraw,
  type Run,
  type Situation,
} from './model-request.js';
import { EMPTY_STORE, type ModelStore } from './model-store.js';

interface State {
  readonly runs: readonly Run[];
  readonly store: ModelStore;
}

/** Whether such an order exists; if not, the most requests that could be explained. */
export type Explanation =
  | { readonly isFound: true }
  | { readonly explained: readonly number[] }
  /** Neither found nor ruled out: the requests overlap too much for it. */
  | 'too many';

/** As many situations as fit into the memory. */
const MOST_TRIED = 100_000;

export function explain(history: History): Explanation {
  const start = begin(history);
  if (!start) return { explained: [] };
  const tried = new Set<string>();
  let best: readonly Run[] = start.runs;
  const stack = [start];
  for (let state = stack.pop(); state; state = stack.pop()) {
    if (isComplete(history, state)) return { isFound: true };
    const key = JSON.stringify(state);
    if (tried.has(key)) continue;
    if (tried.size === MOST_TRIED) return 'too many';
    tried.add(key);
    if (countDone(state.runs) > countDone(best)) best = state.runs;
    stack.push(...nextStates(history, state));
  }
  return { explained: history.filter((_, i) => best[i]!.isDone).map(({ number }) => number) };
}

/** Each request before its first step. */
function begin(history: History): State | undefined {
  const runs: Run[] = [];
  for (const request of history) {
    const first = goOn(request, { run: NOT_STARTED, store: EMPTY_STORE });
    if (!first) return undefined;
    runs.push(first.run);
  }
  return { runs, store: EMPTY_STORE };
}

/** The possible next steps; the most likely ones are last, where they are taken first. */
function nextStates(history: History, { runs, store }: State): State[] {
  const steps = history.map((request, i) => timeOfStep(request, runs[i]!));
  const isOpen = (i: number): boolean => !runs[i]!.isDone;
  const latest = Math.min(...steps.map(({ until }, i) => (isOpen(i) ? until : Infinity)));
  const candidates = history
    .map((request, i) => ({ request, i, run: runs[i]!, ...steps[i]! }))
    .filter(({ i, request }) => isOpen(i) || !request.answer)
    .sort((a, b) => b.until - a.until);
  return candidates.flatMap(({ request, i, run, from }) =>
    ways(request, { run, store }, from, latest).map((after) => ({
      runs: runs.with(i, after.run),
      store: after.store,
    })),
  );
}

/** The next step, if it is due, and what may be stored or ended at any moment after its client hung up. */
function ways(
  request: RequestHistory,
  situation: Situation,
  from: number,
  latest: number,
): Situation[] {
  const hasHungUp = (request.abortedAt ?? Infinity) < latest;
  const unasked = hasHungUp ? (storeUnasked(situation) ?? withdraw(request, situation)) : undefined;
  const isNext = !situation.run.isDone && from < latest;
  const step = isNext ? takeStep(request, situation) : undefined;
  return [unasked, step].filter((way) => way !== undefined);
}

function isComplete(history: History, { runs }: State): boolean {
  return history.every(({ answer }, i) => !answer || runs[i]!.isDone);
}

function countDone(runs: readonly Run[]): number {
  return runs.filter(({ isDone }) => isDone).length;
}
