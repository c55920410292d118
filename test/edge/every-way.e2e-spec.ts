import { ServerResponse } from 'node:http';
import { Http2ServerResponse } from 'node:http2';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { useMemcached } from '../support/hooks.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import type { Answer } from './ask.js';
import { ask, cookieOf, nameOf, problemsOf, type Cell } from './judge.js';
import type { Served } from './serving.js';
import { PLACES } from './surroundings.js';
import type { Writing } from './use-session.js';
import { waysIn } from './ways-to-send.js';
import { STORE_BEHAVIOURS, type StoreBehaviour } from './what-the-store-does.js';

/** How many ways there are for one that is tried with each other behaviour of the store. `EDGE=8` tries fewer. */
const SHARE = Number(process.env.EDGE ?? 4);

/** Milliseconds in which a busy machine answers all of them at once. */
const PATIENCE = 60_000;

const memcached = useMemcached();

describe.each(PLACES.map((place, at) => ({ ...place, at })))(
  'around $platform: $name',
  ({ at: place, ...surrounding }) => {
    const { platform, compresses } = surrounding;
    let wire: RecordingProxy;
    let served: Served;
    let prototypes: unknown;
    /** The answer without a session. */
    let plain: (Answer | string)[];

    const cells: Cell[] = waysIn(surrounding).flatMap((way) =>
      (compresses ? ['gzip', 'identity'] : ['identity']).map((encoding) => ({ way, encoding })),
    );
    const askAll = (some: Cell[], writing: Writing, cookies: (string | undefined)[] = []) =>
      Promise.all(
        some.map((cell, at) =>
          ask(served.ask, cell, { writing, cookie: cookies[at] }).catch(String),
        ),
      );
    const sessionsFor = (some: Cell[]) =>
      Promise.all(some.map(async () => cookieOf(await served.ask('/returned?write=mark'))));

    beforeAll(async () => {
      wire = await recordingProxy(memcached.port);
      const cookie = { secure: false };
      const options = { memcached: wire.server, maxBytes: 10_000, cookie };
      served = await surrounding.start(platform, options);
      prototypes = membersOfResponses();
      plain = await askAll(cells, 'nothing');
    }, PATIENCE);

    afterAll(async () => {
      await served.close();
      await wire.close();
    });

    const isShown = ({ isLong = false }: StoreBehaviour) => !isLong || place % SHARE === 0;
    const behaviours = STORE_BEHAVIOURS.map((store, at) => ({ ...store, at })).filter(isShown);

    it.each(behaviours)(
      'the response is right when the store $name',
      async ({ at, ...store }) => {
        // In the places of those that are long, the turns are the next ones, too.
        const turn = store.isLong ? place / SHARE : place;
        const isTried = (_cell: Cell, cell: number) =>
          store.everywhere === true || (cell + turn + at) % SHARE === 0;
        const tried = cells.filter(isTried);
        const without = plain.filter((_answer, cell) => isTried(cells[cell]!, cell));
        const cookies = store.isKnown ? await sessionsFor(tried) : [];
        await store.begin?.(wire);
        const answers = await askAll(tried, store.writing, cookies);
        await store.end?.(wire);
        const problems = await Promise.all(
          tried.map(async (cell, at) => {
            const [answer, other] = [answers[at]!, without[at]!];
            const { way } = cell;
            const found = await problemsOf(answer, other, store, way, served.ask, cookies[at]);
            return found.map((problem) => `${nameOf(cell)}: ${problem}`);
          }),
        );
        expect(problems.flat()).toEqual([]);
      },
      PATIENCE,
    );

    it('the prototypes of responses stay clean', () => {
      expect(membersOfResponses()).toEqual(prototypes);
    });
  },
);

/** All that `ServerResponse`, and what it descends from, can do, by its very functions. */
function membersOfResponses(): unknown {
  const members: unknown[] = [];
  for (const { prototype } of [ServerResponse, Http2ServerResponse]) {
    for (let at: object = prototype; at; at = Object.getPrototypeOf(at) as object) {
      members.push(Object.getOwnPropertyDescriptors(at));
    }
  }
  return members;
}
