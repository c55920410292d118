import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { ReadyClock } from '../../src/store/ready-clock.js';

const TIMEOUT = 500;
const TENTH = TIMEOUT / 10;

describe('the clock of a timeout', () => {
  let monotonic: number;
  let ticks: number;
  let clock: ReadyClock;

  beforeEach(() => {
    jest.useFakeTimers();
    monotonic = 1_000_000;
    ticks = 0;
    clock = new ReadyClock(
      TIMEOUT,
      () => ticks++,
      () => monotonic,
    );
  });

  afterEach(() => {
    clock.stop();
    jest.useRealTimers();
  });

  /** The event loop turns every millisecond. */
  const pass = (milliseconds: number) => {
    for (let each = 0; each < milliseconds; each++) {
      monotonic++;
      jest.advanceTimersByTime(1);
    }
  };
  /** The event loop stands still; then timers that are due run once, as Node.js does it. */
  const stall = (milliseconds: number) => {
    monotonic += milliseconds;
    jest.advanceTimersToNextTimer();
  };

  it('runs with the monotonic clock', () => {
    clock.start();
    const began = clock.now();
    pass(10);
    expect(clock.now() - began).toBe(10);
    pass(TIMEOUT);
    expect(clock.now() - began).toBe(TIMEOUT + 10);
  });

  it('ticks at least ten times within a timeout', () => {
    clock.start();
    pass(TIMEOUT);
    expect(ticks).toBeGreaterThanOrEqual(10);
  });

  it.each([60, 600, 2_000, 3_600_000])(
    'adds at most a tenth of the timeout for a turn of %d ms',
    (milliseconds) => {
      clock.start();
      const began = clock.now();
      stall(milliseconds);
      expect(clock.now() - began).toBe(TENTH);
    },
  );

  it('adds nothing more within the turn that stalls, however often it is read', () => {
    clock.start();
    const began = clock.now();
    for (let each = 0; each < 20; each++) {
      monotonic += 100;
      expect(clock.now() - began).toBeLessThanOrEqual(TENTH);
    }
  });

  it('needs ten stalled turns for a timeout', () => {
    clock.start();
    const began = clock.now();
    for (let turn = 0; turn < 9; turn++) stall(2_000);
    expect(clock.now() - began).toBeLessThan(TIMEOUT);
    stall(2_000);
    expect(clock.now() - began).toBe(TIMEOUT);
  });

  it('continues as usual after a stalled turn', () => {
    clock.start();
    stall(2_000);
    const after = clock.now();
    pass(100);
    expect(clock.now() - after).toBe(100);
  });

  it('never runs backwards', () => {
    clock.start();
    let last = clock.now();
    for (let turn = 0; turn < 200; turn++) {
      if (turn % 7 === 0) stall(300);
      else pass(turn % 5);
      if (turn % 50 === 0) clock.stop();
      if (turn % 50 === 3) clock.start();
      expect(clock.now()).toBeGreaterThanOrEqual(last);
      last = clock.now();
    }
  });

  it('does not depend on the time of day', () => {
    clock.start();
    const began = clock.now();
    for (const hours of [1, -1]) {
      jest.setSystemTime(Date.now() + hours * 3_600_000);
      pass(10);
    }
    expect(clock.now() - began).toBe(20);
  });

  it('stands still while it is stopped, and does not tick', () => {
    clock.start();
    pass(30);
    clock.stop();
    const stopped = clock.now();
    const ticked = ticks;
    pass(1_000);
    expect([clock.now(), ticks]).toEqual([stopped, ticked]);
    clock.start();
    pass(10);
    expect(clock.now() - stopped).toBe(10);
  });

  it('has one timer, however often it is started, and none after it is stopped', () => {
    clock.start();
    pass(12);
    clock.start();
    expect(jest.getTimerCount()).toBe(1);
    expect(clock.now()).toBe(12);
    clock.stop();
    clock.stop();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('may be stopped by its callback', () => {
    const own: ReadyClock = new ReadyClock(
      TIMEOUT,
      () => own.stop(),
      () => monotonic,
    );
    own.start();
    pass(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ticks at most once a millisecond for a short timeout', () => {
    const short = new ReadyClock(
      1,
      () => ticks++,
      () => monotonic,
    );
    short.start();
    pass(10);
    short.stop();
    expect(ticks).toBe(10);
  });
});
