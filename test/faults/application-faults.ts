import { setTimeout as delay } from 'node:timers/promises';

import type { Crowd } from './crowd.js';
import type { Fault } from './fault.js';
import type { Exit, FaultsApp } from './faults-app.js';

const HOUR = 60 * 60 * 1000;
/** Longer than the time-out of any store. */
const BLOCKED = 700;
const TIMES = 3;
const POLL = 20;
/** Milliseconds that 200 requests may have to wait for each other, and for the end of the server. */
const HANDLER = 2_000;

const killed: Fault = {
  name: 'the application is killed (SIGKILL), and restarted',
  refuses: 'nothing',
  isDown: true,
  async begin({ sides }) {
    await Promise.all(sides.map(({ app }) => app.end('SIGKILL')));
  },
  async end({ sides }) {
    await Promise.all(sides.map(({ app }) => app.start()));
  },
};

/** Stops it while all visitors wait for an answer. Returns how it ended. */
export async function endWithRequests(app: FaultsApp, crowd: Crowd): Promise<Exit> {
  const answered = crowd.countLater();
  while ((await app.figures()).waiting < crowd.size) await delay(POLL);
  const exit = app.end('SIGTERM');
  while ((await app.figures()).isListening) await delay(POLL);
  await app.release();
  await answered;
  return exit;
}

/** As in a deployment: it gets no new requests, and has some to answer. */
const stopped: Fault = {
  name: 'the application is stopped (SIGTERM), and restarted',
  refuses: 'nothing',
  isDown: true,
  handler: HANDLER,
  async begin({ sides }) {
    await Promise.all(
      sides.map(async ({ app, crowd }) => {
        crowd.send(true, 1);
        await crowd.calm();
        await endWithRequests(app, crowd);
      }),
    );
  },
  async end({ sides }) {
    await Promise.all(sides.map(({ app }) => app.start()));
    for (const { crowd } of sides) crowd.send(false, 1);
  },
};

function clockSet(name: string, offset: number): Fault {
  return {
    name,
    refuses: 'nothing',
    async begin({ sides }) {
      for (const { app } of sides) await app.setClock(offset);
    },
    async end({ sides }) {
      for (const { app } of sides) await app.setClock(0);
    },
  };
}

/** Requests are in flight whenever it begins. */
const blocked: Fault = {
  name: `the event loop is blocked ${TIMES} times for ${BLOCKED} ms`,
  refuses: 'nothing',
  isMomentary: true,
  handler: TIMES * BLOCKED,
  async begin({ sides }) {
    await Promise.all(
      sides.map(async ({ app }) => {
        for (let time = 1; time <= TIMES; time++) await app.block(BLOCKED);
      }),
    );
  },
  end: () => Promise.resolve(),
};

export const applicationFaults = (): Fault[] => [
  killed,
  stopped,
  blocked,
  clockSet('the clock is set back by an hour', -HOUR),
  clockSet('the clock is set forward by an hour', HOUR),
];
