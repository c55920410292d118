import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { useMemcached } from '../support/hooks.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { ask, cookieOf, storedFor } from './judge.js';
import type { Served } from './serving.js';
import { PLACES } from './surroundings.js';
import { MARKS } from './use-session.js';
import { waysIn } from './ways-to-send.js';

interface Step {
  readonly name: string;
  /** Whether the visitor has a session already. */
  readonly isKnown: boolean;
  /** The command to memcached that is under way. */
  readonly command?: string;
  readonly onlyHead?: boolean;
}

const STEPS: Step[] = [
  { name: 'at once', isKnown: true },
  { name: 'while its session is read', isKnown: true, command: 'mg' },
  { name: 'while its session is stored', isKnown: false, command: 'add' },
  { name: 'at the first bytes', isKnown: true, onlyHead: true },
];

/** Every n-th way, in turn: each way with each step at some place, and some at each place. */
const SHARE = 6;

/** Far more than it takes, also on a busy machine; less than a test may take. */
const MOST_MS = 15_000;
const PATIENCE = 60_000;

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + MOST_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not so: ${what}`);
    await nextTurn();
  }
}

const places = PLACES.filter(({ lacks }) => !lacks?.includes('connection'));

const memcached = useMemcached();

describe.each(places.map((place, at) => ({ ...place, at })))(
  'a client that hangs up, around $platform: $name',
  ({ at: place, ...surrounding }) => {
    let wire: RecordingProxy;
    let served: Served;

    beforeAll(async () => {
      wire = await recordingProxy(memcached.port);
      const options = { memcached: wire.server, cookie: { secure: false } };
      served = await surrounding.start(surrounding.platform, options);
    });

    afterAll(async () => {
      await served.close();
      await wire.close();
    });

    const begin = async () => cookieOf(await served.ask('/returned?write=mark'));

    /** Over HTTP/2, that of the client stays. */
    const connections = surrounding.lacks?.includes('http1') ? 1 : 0;
    const areGone = () =>
      new Promise<boolean>((resolve) =>
        served.server!.getConnections((_error, count) => resolve(count <= connections)),
      );

    it.each(STEPS.map((step, at) => ({ ...step, at })))(
      'causes no error, and loses no changes of a stored session: $name',
      async ({ at: step, isKnown, command, onlyHead = false }) => {
        const ways = waysIn(surrounding).filter((_way, at) => (at + place + step) % SHARE === 0);
        const cookies = await Promise.all(ways.map(async () => (isKnown ? begin() : undefined)));
        const hangUp = new AbortController();
        wire.reset();
        wire.holdReplies(command !== undefined);
        const answers = ways.map((way, at) =>
          ask(
            served.ask,
            { way, encoding: 'gzip' },
            { writing: 'again', cookie: cookies[at], signal: hangUp.signal, onlyHead },
          ).catch(String),
        );
        const sent = () => wire.commands.filter(({ name }) => name === command).length;
        if (command) await until('all are under way', () => sent() === ways.length);
        else await nextTurn();
        if (!onlyHead) hangUp.abort();
        await Promise.all(answers);
        await until('the connections are gone', areGone);
        wire.holdReplies(false);

        expect(await storedFor(await begin(), served.ask)).toEqual({ mark: MARKS.mark });
        // What the handler wrote is there, unless the request never reached it.
        const marks = isKnown && (command ?? onlyHead) ? [MARKS.again] : Object.values(MARKS);
        for (const cookie of cookies) {
          if (!cookie) continue;
          const isRight = async () =>
            marks.includes(((await storedFor(cookie, served.ask)) as { mark: string }).mark);
          await until(
            'what was written is stored: ' + ways[cookies.indexOf(cookie)]!.path,
            isRight,
          );
        }
        await until('the connections are gone', areGone);
      },
      PATIENCE,
    );
  },
);
