import type { Fault } from './fault.js';

const HOUR = 60 * 60 * 1000;
/** Milliseconds; long enough for 200 requests to be in it at the same time. */
const HANDLER = 1_000;

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

/** As in a deployment: it gets no new requests, and has some to answer. */
const stopped: Fault = {
  name: 'the application is stopped (SIGTERM), and restarted',
  refuses: 'nothing',
  isDown: true,
  async begin({ sides }) {
    await Promise.all(
      sides.map(async ({ app, crowd }) => {
        crowd.send(true, 1);
        await crowd.calm();
        const answered = crowd.countSlowly(HANDLER);
        while ((await app.figures()).underWay < crowd.size);
        await app.end('SIGTERM');
        await answered;
      }),
    );
  },
  async end({ sides }) {
    await Promise.all(sides.map(({ app }) => app.start()));
    for (const { crowd } of sides) crowd.send(false, 1);
  },
};

const clockSetBack: Fault = {
  name: 'the clock is set back by an hour',
  refuses: 'nothing',
  async begin({ sides }) {
    for (const { app } of sides) await app.setClock(-HOUR);
  },
  async end({ sides }) {
    for (const { app } of sides) await app.setClock(0);
  },
};

export const applicationFaults = (): Fault[] => [
  killed,
  stopped,
  clockSetBack,
];
