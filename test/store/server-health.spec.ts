import { once, EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

import { beforeEach, describe, expect, it } from '@jest/globals';

import { ServerHealth, type ErrorKind } from '../../src/store/server-health.js';

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
      probe: async () => {
        probes++;
        if (!isThere) throw new Error('silence');
      },
      kindOf: (error) => (error as Error).message as ErrorKind,
    });
    health.watch({
      outageBegan: (server, error) => void told.push(`${server} began: ${String(error)}`),
      outageEnded: (server, seconds, failures) => {
        lasted = seconds;
        told.push(`${server} ended: ${failures}`);
        events.emit('ended');
      },
    });
  });

  const failing = (kind: ErrorKind) => () => Promise.reject(new Error(kind));
  const fail = (times: number, kind: ErrorKind = 'silence') =>
    Promise.allSettled(Array.from({ length: times }, () => health.run(failing(kind))));

  it('is up, and its operations answer what they answer', async () => {
    expect(await health.run(() => Promise.resolve(42))).toBe(42);
    await expect(health.run(failing('answer'))).rejects.toThrow('answer');
    expect([health.state, told]).toEqual(['up', []]);
  });

  it('is failing after an operation without an answer, and told once', async () => {
    await fail(3);
    expect(health.state).toBe('failing');
    expect(told).toEqual(['cache-1:11211 began: Error: silence']);
  });

  it('is down after five in a row; then no operation is tried', async () => {
    isThere = false;
    await fail(5);
    expect(health.state).toBe('down');
    let tried = false;
    const operation = () => Promise.resolve((tried = true));
    await expect(health.run(operation)).rejects.toThrow('cache-1:11211 is down');
    expect(tried).toBe(false);
    expect(told).toHaveLength(1);
    health.close();
  });

  it.each(['answer', 'complaint'] as const)(
    'is not down by an %s, which is a reply',
    async (kind) => {
      await fail(4);
      await fail(20, kind);
      await fail(4);
      expect(health.isDown).toBe(false);
    },
  );

  it('is told of if the server answers that it cannot', async () => {
    await fail(2, 'complaint');
    expect(told).toEqual(['cache-1:11211 began: Error: complaint']);
  });

  it('is up again by a probe, though nobody asks', async () => {
    isThere = false;
    await fail(5);
    const ended = once(events, 'ended');
    isThere = true;
    await ended;
    expect(health.state).toBe('up');
    expect(told[1]).toBe('cache-1:11211 ended: 5');
    expect(await health.run(() => Promise.resolve('served'))).toBe('served');
  });

  it('is down as long as probes fail, which grow fewer', async () => {
    isThere = false;
    await fail(5);
    const began = performance.now();
    while (probes < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(performance.now() - began).toBeGreaterThan(650); // 100, 200 and 400 ms
    expect(health.state).toBe('down');
    health.close();
  });

  it('was out until a probe was answered, and not only as long as somebody asked', async () => {
    await fail(5);
    await once(events, 'ended');
    expect(lasted).toBeGreaterThan(0.09); // the first probe comes after 100 ms
  });

  it('is not back by an operation from before it was down, which is answered late', async () => {
    isThere = false;
    let answer: (value: string) => void = () => undefined;
    const slow = health.run(() => new Promise<string>((resolve) => (answer = resolve)));
    await fail(5);
    await delay(1_100); // the calm that ends an outage
    answer('late');
    expect(await slow).toBe('late');
    expect([health.state, told]).toEqual(['down', [expect.stringContaining('began')]]);
    health.close();
  });

  it('closed while it is down is asked again by whoever still needs it', async () => {
    isThere = false;
    await fail(5);
    health.close();
    expect(await health.run(() => Promise.resolve('served'))).toBe('served');
    await delay(150); // the first probe would come after 100 ms
    expect(probes).toBe(0);
  });

  it('checked is what a probe tells, and counts as an operation', async () => {
    isThere = false;
    expect(await health.check()).toEqual({ server: 'cache-1:11211', state: 'down' });
    expect(health.state).toBe('failing');
    isThere = true;
    await health.check();
    expect(probes).toBe(2);
  });

  it('goes on after a reply in between', async () => {
    await fail(4);
    await health.run(() => Promise.resolve());
    await fail(4);
    expect(health.state).toBe('failing');
  });
});
