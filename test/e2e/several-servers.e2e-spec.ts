import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { Session, SessionMonitor } from '../../src/index.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class VisitsController {
  @Get('count')
  count(@Session() session: Session) {
    return { visits: session.increment('visits') };
  }
}

/** Milliseconds an operation may take: much more than a busy machine needs for all of them. */
const TIME_OUT = 2_000;
const VISITORS = 60;

describe('a server among three', () => {
  let servers: Memcached[];
  let app: SessionApp;
  /** Those whose sessions are on the first server, and the others. */
  let its: Visitor[];
  let others: Visitor[];

  beforeEach(async () => {
    servers = await Promise.all(Array.from({ length: 3 }, () => startMemcached()));
  });

  afterEach(async () => {
    await app.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function open(): Promise<void> {
    const memcached = { servers: servers.map(({ server }) => server), timeout: TIME_OUT };
    app = await startSessionApp({ options: { memcached }, controllers: [VisitsController] });
    [its, others] = [[], []];
    let known = 0;
    for (let n = 0; n < VISITORS; n++) {
      const visitor = app.visitor();
      await visitor.get('/count');
      const { length } = await servers[0]!.keys();
      (length > known ? its : others).push(visitor);
      known = length;
    }
  }

  const come = (visitors: Visitor[]) => Promise.all(visitors.map((one) => one.get('/count')));
  const statuses = async (visitors: Visitor[]) =>
    new Set((await come(visitors)).map(({ status }) => status));
  const visits = async (visitors: Visitor[]) =>
    new Set((await come(visitors)).map(({ json }) => json.visits as number));
  const stateOf = (server: Memcached) =>
    app.app.get(SessionMonitor).servers.find((one) => one.server === server.server)!.state;

  /** By requests of others with the id of one of its visitors, who do not start anew for that. */
  async function seenDown(server: Memcached): Promise<void> {
    while (stateOf(server) !== 'down') await come([1, 2, 3, 4, 5].map(() => its[0]!.fork()));
  }
  async function seenUp(server: Memcached): Promise<void> {
    while (stateOf(server) === 'down') await new Promise((resolve) => setImmediate(resolve));
  }

  /** The slowest of 20 rounds, each visitor's request after another's, in milliseconds. */
  async function slowest(visitors: Visitor[]): Promise<number> {
    const times: number[] = [];
    for (let round = 0; round < 20; round++) {
      for (const visitor of visitors) {
        const began = performance.now();
        expect((await visitor.get('/count')).status).toBe(200);
        times.push(performance.now() - began);
      }
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
  }

  it('holds a part of the sessions', async () => {
    await open();
    for (const server of servers) expect((await server.keys()).length).toBeGreaterThan(5);
  });

  describe('that is killed', () => {
    it('gives 503 for its sessions, and the others continue', async () => {
      await open();
      await servers[0]!.kill();
      expect(await statuses(its)).toEqual(new Set([503]));
      expect(await visits(others)).toEqual(new Set([2]));

      servers[0] = await startMemcached({ port: servers[0]!.port });
      await seenUp(servers[0]);
      expect(await visits(its)).toEqual(new Set([1]));
      expect(await visits(others)).toEqual(new Set([3]));
    });
  });

  describe('that hangs', () => {
    it('gives 503 for its sessions in time, then at once, without effect on others', async () => {
      await open();
      const before = await slowest(others);
      servers[0]!.pause();
      await seenDown(servers[0]!);
      const began = performance.now();
      expect(await statuses(its)).toEqual(new Set([503]));
      expect(performance.now() - began).toBeLessThan(TIME_OUT);
      // A busy machine makes some of them slow; one that waits for a server takes the whole time-out.
      expect(await slowest(others)).toBeLessThan(before + TIME_OUT / 2);

      servers[0]!.resume();
      await seenUp(servers[0]!);
      expect(await visits(its)).toEqual(new Set([2]));
    });
  });
});
