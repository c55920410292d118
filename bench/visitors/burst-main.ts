// The clients of a burst, in a process of their own: they keep asking while the server is busy.
import { setTimeout as delay } from 'node:timers/promises';

import { BurstClient } from './burst-client.js';
import type { BurstSeen, BurstTask, CrowdReport, CrowdTask, GatherTask } from './burst-messages.js';
import { BurstTally } from './burst-tally.js';

/** Who join at a time: fewer than a listening socket lets wait. */
const JOINING = 100;

/** How long the answers may take that are missing when the time of a burst is over. */
const PATIENCE_MS = 60_000;

/** A single request is answered in normal time, or this is how long that is waited for. */
const NORMAL_MS = 100;
const MOST_RECOVERY_MS = 30_000;

/** Requests of one client in one burst. */
const MOST_REQUESTS = 1_000_000;

const clients: BurstClient[] = [];
/** Asks when the others are silent. */
let probe: BurstClient;

process.on('disconnect', () => process.exit());
process.on('message', (task: CrowdTask) => {
  const done: Promise<CrowdReport> =
    task.task === 'gather' ? gather(task).then(() => ({})) : burst(task).then((seen) => ({ seen }));
  done.then(report, (error: unknown) => report({ error: String(error) }));
});

function report(message: CrowdReport): void {
  process.send?.(message);
}

/** Keeps this number of clients, and replaces those whose connection has ended. */
async function gather({ port, clients: count, keepsSessions }: GatherTask): Promise<void> {
  probe ??= await BurstClient.join(port, 'probe', keepsSessions);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      if (clients[number]?.isGone === false) continue;
      clients[number] = await BurstClient.join(port, `client-${number}`, keepsSessions);
    }
  };
  await Promise.all(Array.from({ length: JOINING }, work));
}

async function burst({ clients: count, milliseconds }: BurstTask): Promise<BurstSeen> {
  const tally = new BurstTally();
  const end = performance.now() + milliseconds;
  const crowd = clients.slice(0, count);
  const patience = setTimeout(
    () => crowd.forEach((client) => client.leave()),
    milliseconds + PATIENCE_MS,
  );
  // The first request of each is written within this turn.
  await Promise.all(crowd.map((client) => keepAsking(client, end, tally)));
  clearTimeout(patience);
  tally.end();
  return tally.seen(crowd.length, await recovery(tally.lastAnswerAt));
}

async function keepAsking(client: BurstClient, end: number, tally: BurstTally): Promise<void> {
  for (let requests = 0; requests < MOST_REQUESTS; requests++) {
    const began = performance.now();
    const { answer, isRight } = await client.ask();
    tally.count(answer, began, isRight);
    if (!answer || performance.now() >= end) return;
  }
}

/** How long it takes until a single request is answered in normal time. */
async function recovery(since: number): Promise<number | null> {
  const patience = setTimeout(() => probe.leave(), MOST_RECOVERY_MS);
  try {
    while (!probe.isGone) {
      const began = performance.now();
      const { answer, isRight } = await probe.look();
      const now = performance.now();
      if (answer?.status === 200 && isRight && now - began < NORMAL_MS) return now - since;
      await delay(1);
    }
    return null;
  } finally {
    clearTimeout(patience);
  }
}
