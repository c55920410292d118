import { setTimeout as delay } from 'node:timers/promises';

import type { RaceClient } from './client.js';
import type { Side } from './contestants.js';

/** What one side's run has come to so far; the page shows the last one. */
export interface Progress {
  /** Such as `42 of 60 answered`, then `60 of 60 kept`. */
  readonly text: string;
  /** From 0 to 1: how much of what should be is there. */
  readonly share: number;
  /** Absent: the run continues. */
  readonly verdict?: 'good' | 'bad';
}

export interface Run {
  readonly side: Side;
  readonly client: RaceClient;
  readonly store: { stop(): Promise<void>; start(): Promise<void> };
  readonly report: (progress: Progress) => void;
}

export interface Experiment {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  /** What it needs besides the two applications. */
  readonly needs?: 'memcached' | 'processes';
  run(run: Run): Promise<void>;
}

const WRITES = 60;
const COUNTS = 200;
const ATTEMPTS = 5;
/** Milliseconds after which the visitor signs out. */
const SLOW_REQUEST_RUNS = 120;
/** Milliseconds; also in the texts. */
const OUTAGE_PATIENCE = 3000;

export const EXPERIMENTS: readonly Experiment[] = [
  {
    id: 'writes',
    title: `${WRITES} parallel writes`,
    why: `${WRITES} requests of one visitor at once, each writes its own entry. express-session stores the whole session as each request had read it, so the last one overwrites the others. Here only the changed entry is stored, by compare-and-set.`,
    async run(run) {
      await begin(run);
      const accepted = await all(run, WRITES, (turn) => `entries/entry-${turn + 1}`);
      const { json } = await stateOf(run);
      tellKept(run, (json?.entries ?? 1) - 1, accepted, WRITES);
    },
  },
  {
    id: 'log-out',
    title: 'Log out during a slow request',
    why: 'A visitor signs out while a slow request of another tab is under way. express-session stores the session that this request had read, and so the visitor is signed in again. Here what has ended stays ended.',
    async run({ client, report }) {
      await client.send('POST', 'sign-in');
      report({ text: 'signed in; the slow request has begun', share: 0.3 });
      const [otherTab, thief] = [client.fork(), client.fork()];
      const slow = otherTab.send('POST', 'slow');
      await delay(SLOW_REQUEST_RUNS);
      await client.send('POST', 'sign-out');
      report({ text: 'signed out; the slow request goes on', share: 0.6 });
      await slow;
      const { json } = await thief.state;
      const isOut = json?.user === null;
      report({
        text: isOut ? 'signed out' : 'signed in again, by the slow request',
        share: 1,
        verdict: isOut ? 'good' : 'bad',
      });
    },
  },
  {
    id: 'outage',
    title: 'Stop the store',
    why: 'memcached is stopped. The client sends one request to a route that uses the session and one to a route that does not, and waits 3 s for each answer. An outage must not delay other routes, and must not sign visitors out.',
    needs: 'memcached',
    async run({ client, report, store }) {
      await client.send('POST', 'sign-in');
      await store.stop();
      try {
        report({ text: 'the store is stopped; two requests are under way', share: 0.3 });
        const hasty = client.fork(OUTAGE_PATIENCE);
        const [state, plain] = await Promise.all([hasty.state, hasty.send('GET', 'plain')]);
        const text = `with the session: ${answerOf(state)}; without: ${answerOf(plain)}`;
        const isGood = state.status === 503 && plain.status === 200;
        report({ text, share: 1, verdict: isGood ? 'good' : 'bad' });
      } finally {
        await store.start();
      }
    },
  },
  {
    id: 'counts',
    title: `${COUNTS} counts from four processes`,
    why: `${COUNTS} requests of one visitor, spread over four processes, each adds 1 to the same entry. Requests that read the number, add 1 and write it back overwrite each other. increment() is applied to the newest value, whichever process stored it.`,
    needs: 'processes',
    async run(run) {
      await begin(run);
      const accepted = await all(run, COUNTS, () => 'count');
      const { json } = await stateOf(run);
      tellKept(run, json?.count ?? 0, accepted, COUNTS);
    },
  },
];

/** Gives the visitor a session: a client that is refused tries again, as people do. */
async function begin({ client }: Run): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { status } = await client.send('POST', 'entries/entry-0');
    if (status === 204) return;
  }
  throw new Error('No session could be begun.');
}

async function stateOf({ client }: Run) {
  for (let attempt = 1; ; attempt++) {
    const answer = await client.state;
    if (answer.json || attempt === ATTEMPTS) return answer;
  }
}

/** Sends this many requests at once. Returns how many clients got the answer that their change is stored. */
async function all(
  { client, report }: Run,
  count: number,
  pathOf: (turn: number) => string,
): Promise<number> {
  let [answered, accepted] = [0, 0];
  const requests = Array.from({ length: count }, async (_, turn) => {
    const { status = 0 } = await client.fork().send('POST', pathOf(turn), turn);
    if (status >= 200 && status < 300) accepted++;
    report({ text: `${++answered} of ${count} answered`, share: answered / count });
  });
  await Promise.all(requests);
  return accepted;
}

/** A client that was refused can try again. One that got the answer that its change is stored must find it. */
function tellKept({ report }: Run, kept: number, accepted: number, count: number): void {
  const refused = accepted < count ? `; ${count - accepted} refused with a 503` : '';
  const verdict = kept >= accepted ? 'good' : 'bad';
  report({ text: `${kept} of ${accepted} kept${refused}`, share: kept / count, verdict });
}

function answerOf({
  status,
  milliseconds,
}: {
  status: number | undefined;
  milliseconds: number;
}): string {
  return status === undefined ? 'no answer in 3 s' : `${status} after ${milliseconds} ms`;
}
