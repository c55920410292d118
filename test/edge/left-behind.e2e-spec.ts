import { once, type EventEmitter } from 'node:events';
import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { askHttp, type Ask } from './ask.js';
import { AROUND_MIDDLEWARE } from './around-middleware.js';
import { ask, cookieOf } from './judge.js';
import { originOf, type Served } from './serving.js';
import type { Writing } from './use-session.js';
import { waysIn } from './ways-to-send.js';

/** On a connection that is kept: what is left on it grows with every request. */
const ROUNDS = 3;

/** Milliseconds in which a busy machine answers all of them, one after the other. */
const PATIENCE = 120_000;

const places = AROUND_MIDDLEWARE.filter(({ name }) => /^(nothing|compression)$/.test(name)).flatMap(
  (surrounding) => surrounding.platforms.map((platform) => ({ ...surrounding, platform })),
);

type Counts = Record<string, number>;

function listenersOf(emitter: EventEmitter): Counts {
  const names = emitter.eventNames().map(String).sort();
  return Object.fromEntries(names.map((name) => [name, emitter.listenerCount(name)]));
}

describe.each(places)('requests, around $platform: $name', (place) => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  let served: Served;
  let agent: Agent;
  let askKept: Ask;
  let connections: Socket[];
  let last: ServerResponse;

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
    served = await place.start(place.platform, {
      memcached: wire.server,
      maxBytes: 10_000,
      cookie: { secure: false },
    });
    agent = new Agent({ keepAlive: true, maxSockets: 1 });
    askKept = askHttp(originOf(served.server!), { agent });
    connections = [];
    served.server!.on('connection', (socket) => connections.push(socket));
    served.server!.on('request', (_request: IncomingMessage, response) => (last = response));
  });

  afterAll(async () => {
    agent.destroy();
    await served.close();
    await wire.close();
    await memcached.stop();
  });

  const ways = waysIn(place).filter(
    ({ path, breaks }) => !breaks && !['/closing', '/head'].includes(path),
  );

  /** The responses, each done with. */
  async function round(writing: Writing, cookie?: string): Promise<ServerResponse[]> {
    const responses: ServerResponse[] = [];
    for (const way of ways) {
      await ask(askKept, { way, encoding: 'gzip' }, { writing, cookie });
      if (!last.closed) await once(last, 'close');
      responses.push(last);
    }
    return responses;
  }

  it(
    'leave no listener on a kept connection, the server or the process',
    async () => {
      const cookie = cookieOf(await askKept('/returned?write=mark'));
      const rounds: unknown[] = [];
      for (let at = 0; at < ROUNDS; at++) {
        await round('nothing');
        await round('mark');
        await round(at % 2 ? 'mark' : 'again', cookie);
        await round('too-large');
        rounds.push([connections[0]!, served.server!, process].map(listenersOf));
      }
      expect(connections).toHaveLength(1);
      for (const other of rounds.slice(1)) expect(other).toEqual(rounds[0]);
    },
    PATIENCE,
  );

  it(
    'leave at most one listener on a response after its writer has ended',
    async () => {
      const plain = await round('nothing');
      for (const writing of ['mark', 'too-large'] as const) {
        const responses = await round(writing);
        for (const [at, response] of responses.entries()) {
          const isLeft = () => addedTo(response, plain[at]!);
          const end = performance.now() + 10_000;
          while (isLeft() !== '' && performance.now() < end) await nextTurn();
          expect([writing, ways[at]!.path, isLeft()]).toEqual([writing, ways[at]!.path, '']);
        }
      }
    },
    PATIENCE,
  );
});

/** The listeners of a response that one without a session does not have, but for ours. */
function addedTo(response: ServerResponse, plain: ServerResponse): string {
  const without = listenersOf(plain);
  return Object.entries(listenersOf(response))
    .map(([name, count]) => [name, count - (without[name] ?? 0) - (name === 'close' ? 1 : 0)])
    .filter(([, more]) => Number(more) > 0)
    .map(([name, more]) => `${name}: ${more}`)
    .join();
}
