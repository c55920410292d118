import { once, EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { SessionStoreError } from '../../src/session/errors.js';
import { DeadlineError, OverloadError } from '../../src/store/deadline-error.js';
import { ServerHealth } from '../../src/store/server-health.js';

const SILENCE = new Error('silence');

describe('the health of a server', () => {
  let told: string[];
  let events: EventEmitter;
  let isThere: boolean;
  let probes: number;
  let lasted: number;
  let health: ServerHealth;

  beforeEach(() => {
    told = [];
    events = new EventEmitter();
    isThere = true;
    probes = 0;
    health = new ServerHealth('cache-1:11211', {
      probe: () => {
        probes++;
        return health.observe(() => (isThere ? Promise.resolve() : Promise.reject(SILENCE)));
      },
    });
    health.watch({
      outageBegan: (server, error) => void told.push(`${server} began: ${String(error)}`),
      outageEnded: (server, seconds, failures) => {
        lasted = seconds;
        told.push(`${server} ended: ${failures}`);
        events.emit('ended');
      },
      noticed: (notice) => void told.push(notice),
    });
  });

  afterEach(() => {
    health.close();
    jest.restoreAllMocks();
  });

  const failing = (error: Error) => () => Promise.reject(error);
  const lose = (times: number) => {
    for (let time = 0; time < times; time++) health.lost(SILENCE);
  };
  const takeDown = () => {
    isThere = false;
    lose(5);
    expect(health.state).toBe('down');
  };
  /** The clock moves on; timers do not notice. */
  const pass = (milliseconds: number) => {
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + milliseconds);
  };

  it('is up, and passes results on', async () => {
    expect(await health.run(() => Promise.resolve(42))).toBe(42);
    expect([health.state, told]).toEqual(['up', []]);
  });

  it('is failing after a failed operation, which is reported once', async () => {
    for (let time = 0; time < 3; time++) {
      await expect(health.run(failing(SILENCE))).rejects.toBe(SILENCE);
    }
    expect(health.state).toBe('failing');
    expect(told).toEqual(['cache-1:11211 began: Error: silence']);
  });

  it('reports the cause of a SessionStoreError', async () => {
    await health.run(failing(new SessionStoreError({ cause: SILENCE }))).catch(() => undefined);
    expect(told).toEqual(['cache-1:11211 began: Error: silence']);
  });

  describe('losses', () => {
    it('take it down after five in a row; then no operation is tried', async () => {
      isThere = false;
      lose(4);
      expect(health.state).toBe('failing');
      lose(1);
      expect(health.state).toBe('down');
      let tried = false;
      const operation = () => Promise.resolve((tried = true));
      await expect(health.run(operation)).rejects.toThrow('cache-1:11211 is down');
      expect(tried).toBe(false);
      expect(told).toHaveLength(1);
    });

    it('of five operations one after another take it down', async () => {
      isThere = false;
      for (let time = 0; time < 5; time++) {
        await health.run(failing(SILENCE)).catch(() => undefined);
      }
      expect(health.state).toBe('down');
    });

    it('count once, however many operations one concerns', () => {
      for (let time = 0; time < 4; time++) health.lost(SILENCE, 1000);
      expect(health.state).toBe('failing');
    });

    it('count once if 100 operations in progress fail together', async () => {
      const results = Array.from({ length: 100 }, () => health.run(failing(SILENCE)));
      await Promise.allSettled(results);
      expect(health.state).toBe('failing');
      expect(told).toHaveLength(1);
    });

    it.each([
      ['late', () => new DeadlineError(500)],
      [
        'late, as a store reports it',
        () => new SessionStoreError({ cause: new DeadlineError(500) }),
      ],
    ])('count each if the operations are %s', async (_how, error) => {
      isThere = false;
      await Promise.allSettled(Array.from({ length: 5 }, () => health.run(failing(error()))));
      expect(health.state).toBe('down');
    });

    it.each([
      ['an answer', async () => health.answered()],
      ['a success', async () => health.succeeded()],
      ['an operation that succeeds', () => health.run(() => Promise.resolve())],
    ])('are counted anew after %s', async (_what, reply) => {
      lose(4);
      await reply();
      lose(4);
      expect(health.state).toBe('failing');
    });

    it('that concern no operation are counted, and not reported', () => {
      health.lost(SILENCE, 0);
      expect([health.state, told]).toEqual(['up', []]);
    });
  });

  it('is failing, and never down, by errors that the server answers', () => {
    for (let time = 0; time < 20; time++) health.failed(new Error('out of memory'));
    expect(health.state).toBe('failing');
    expect(told).toEqual(['cache-1:11211 began: Error: out of memory']);
  });

  it('does not change by operations that were refused because too many waited', async () => {
    const error = new OverloadError('too many');
    await Promise.allSettled(Array.from({ length: 10 }, () => health.run(failing(error))));
    const wrapped = new SessionStoreError({ cause: error });
    await expect(health.run(failing(wrapped))).rejects.toBe(wrapped);
    expect([health.state, told]).toEqual(['up', []]);
  });

  describe('after a second without a failure', () => {
    it('is up, and reported as such by the next success', () => {
      health.lost(SILENCE, 3);
      pass(1_001);
      expect(health.state).toBe('up');
      expect(told).toHaveLength(1);
      health.succeeded();
      expect(told[1]).toBe('cache-1:11211 ended: 3');
      expect(lasted).toBeLessThan(0.5); // until the last failure, not until it was reported
    });

    it('is still failing within it, despite successes', () => {
      health.failed(SILENCE);
      pass(900);
      health.succeeded();
      expect([health.state, told.length]).toEqual(['failing', 1]);
    });
  });

  describe('while it is down', () => {
    it('is up again by a probe without any operation; refused operations count as failures', async () => {
      takeDown();
      health.refusal();
      await health.run(() => Promise.resolve()).catch(() => undefined);
      const ended = once(events, 'ended');
      isThere = true;
      await ended;
      expect(health.state).toBe('up');
      expect(told.slice(1)).toEqual(['cache-1:11211 ended: 7']);
      expect(await health.run(() => Promise.resolve('served'))).toBe('served');
    });

    it('counts losses from zero when it is up again', async () => {
      takeDown();
      isThere = true;
      await once(events, 'ended');
      lose(4);
      expect(health.state).toBe('failing');
    });

    it('is probed at intervals that grow', async () => {
      takeDown();
      const began = performance.now();
      while (probes < 3) await delay(10);
      expect(performance.now() - began).toBeGreaterThan(650); // 100, 200 and 400 ms
      expect(health.state).toBe('down');
    });

    it('is probed at different times by different processes', async () => {
      const order: string[] = [];
      const probed = (name: string, random: number) => {
        const { promise, resolve } = withResolvers();
        const other = new ServerHealth(name, {
          probe: async () => {
            order.push(name);
            resolve();
          },
        });
        jest.spyOn(Math, 'random').mockReturnValue(random);
        for (let time = 0; time < 5; time++) other.lost(SILENCE);
        return promise;
      };
      await Promise.all([probed('late', 0.99), probed('early', 0)]);
      expect(order).toEqual(['early', 'late']);
    });

    it('was out until a probe was answered, not only until the last operation', async () => {
      takeDown();
      isThere = true;
      await once(events, 'ended');
      expect(lasted).toBeGreaterThan(0.09); // the first probe comes after 100 ms
    });

    it('is not up again by a late answer of an earlier operation', async () => {
      let answer: (value: string) => void = () => undefined;
      const slow = health.run(() => new Promise<string>((resolve) => (answer = resolve)));
      takeDown();
      pass(1_100);
      answer('late');
      expect(await slow).toBe('late');
      expect([health.state, told]).toEqual(['down', [expect.stringContaining('began')]]);
    });

    it('tries operations again after it is closed', async () => {
      takeDown();
      health.close();
      expect(await health.run(() => Promise.resolve('served'))).toBe('served');
      await delay(150); // the first probe would come after 120 ms at the latest
      expect(probes).toBe(0);
      expect(told).toHaveLength(1);
    });
  });

  describe('when checked', () => {
    it('has the result of a probe, which counts as an operation', async () => {
      isThere = false;
      expect(await health.check()).toEqual({ server: 'cache-1:11211', state: 'down' });
      expect(health.state).toBe('failing');
      isThere = true;
      expect(await health.check()).toEqual({ server: 'cache-1:11211', state: 'failing' });
      expect(probes).toBe(2);
    });

    it('is not probed while it is known to be down', async () => {
      takeDown();
      expect(await health.check()).toEqual({ server: 'cache-1:11211', state: 'down' });
      expect(probes).toBe(0);
    });
  });

  it('reports a problem of its configuration', () => {
    expect(health.report).toEqual({ server: 'cache-1:11211', state: 'up' });
    health.problem = 'It keeps no versions.';
    expect(health.report).toMatchObject({ state: 'up', problem: 'It keeps no versions.' });
  });

  it('passes notices to all watchers', () => {
    const others: string[] = [];
    health.watch({
      outageBegan: () => undefined,
      outageEnded: () => undefined,
      noticed: (notice) => void others.push(notice),
    });
    health.notify((watcher) => watcher.noticed('a notice'));
    expect([told, others]).toEqual([['a notice'], ['a notice']]);
  });
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
