import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { BoundedCalls, TooManyCallsError } from '../../src/store/bounded-calls.js';
import { DeadlineError, OverloadError } from '../../src/store/deadline-error.js';

const TIMEOUT = 500;

/** A client of a store, whose calls a test answers. */
class TestClient {
  readonly made: number[] = [];
  readonly answers: ((value: string) => void)[] = [];
  readonly failures: ((error: Error) => void)[] = [];

  call(n: number): Promise<string> {
    this.made.push(n);
    return new Promise((resolve, reject) => {
      this.answers[n] = resolve;
      this.failures[n] = reject;
    });
  }

  answer(n: number): void {
    this.answers[n]!(`answer ${n}`);
  }
}

describe('bounded calls', () => {
  let client: TestClient;
  let calls: BoundedCalls;
  let settled: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    client = new TestClient();
    calls = new BoundedCalls();
    settled = [];
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const run = (n: number): void => {
    calls
      .run(() => client.call(n))
      .then(
        (value) => settled.push(value),
        (error: Error) => settled.push(`${n}: ${error.message}`),
      );
  };
  const runAll = (count: number, from = 0): void => {
    for (let n = from; n < from + count; n++) run(n);
  };
  const pass = (milliseconds: number) => jest.advanceTimersByTimeAsync(milliseconds);
  const LATE = `no answer within ${TIMEOUT} ms`;

  it("resolve with the client's result", async () => {
    runAll(1);
    client.answer(0);
    await pass(0);
    expect(settled).toEqual(['answer 0']);
  });

  it("reject with the client's error", async () => {
    const error = new Error('connection reset');
    await expect(calls.run(() => Promise.reject(error))).rejects.toBe(error);
  });

  it('are made at once up to 100; others wait in order', async () => {
    runAll(103);
    expect(client.made).toHaveLength(100);
    client.answer(7);
    await pass(0);
    expect(client.made.slice(100)).toEqual([100]);
    client.failures[8]!(new Error('failed'));
    await pass(0);
    expect(client.made.slice(100)).toEqual([100, 101]);
  });

  it('are refused at once if 100,000 wait, and accepted again when fewer wait', async () => {
    runAll(100_100);
    const refused = calls.run(() => client.call(-1));
    await expect(refused).rejects.toBeInstanceOf(TooManyCallsError);
    await expect(refused).rejects.toBeInstanceOf(OverloadError);
    client.answer(0);
    await pass(0);
    run(100_100);
    await pass(0);
    expect(settled).toEqual(['answer 0']);
  });

  describe('whose store does not answer', () => {
    it('reject after the timeout, and not before', async () => {
      runAll(1);
      await pass(TIMEOUT - 50);
      expect(settled).toEqual([]);
      await pass(100);
      expect(settled).toEqual([`0: ${LATE}`]);
    });

    it('reject with a DeadlineError', async () => {
      const call = calls.run(() => new Promise(() => undefined));
      const rejected = expect(call).rejects.toBeInstanceOf(DeadlineError);
      await pass(TIMEOUT + 50);
      await rejected;
    });

    it('reject within the timeout if they have waited for others that failed', async () => {
      runAll(101);
      await pass(TIMEOUT - 100);
      client.failures[0]!(new Error('connection reset'));
      await pass(50);
      expect(client.made).toContain(100);
      await pass(100);
      expect(settled).toContain(`100: ${LATE}`);
    });

    it('are made once more within what is left of their timeout, if they may be', async () => {
      const call = calls.run(
        () => client.call(client.made.length),
        () => true,
      );
      const rejected = expect(call).rejects.toBeInstanceOf(DeadlineError);
      await pass(TIMEOUT - 100);
      client.failures[0]!(new Error('connection reset'));
      await pass(50);
      expect(client.made).toEqual([0, 1]);
      await pass(100);
      await rejected;
    });

    it('are made twice at most, and keep their turn', async () => {
      const call = calls.run(
        () => client.call(client.made.length),
        () => true,
      );
      const rejected = expect(call).rejects.toThrow('reset again');
      runAll(100, 1);
      expect(client.made).toHaveLength(100);
      client.failures[0]!(new Error('connection reset'));
      await pass(0);
      expect(client.made.at(-1)).toBe(100);
      client.failures[100]!(new Error('reset again'));
      await rejected;
    });

    it('reject within the timeout while they wait for others that mostly fail', async () => {
      const few = new BoundedCalls(TIMEOUT, 2);
      let made = 0;
      const flapping = (): Promise<string> =>
        new Promise((resolve, reject) => {
          const fails = ++made % 4 !== 0;
          setTimeout(() => (fails ? reject(new Error('connection reset')) : resolve('done')), 40);
        });
      let settledIn = 0;
      const began = Date.now();
      const all = Array.from({ length: 100 }, () =>
        few
          .run(flapping)
          .catch(() => 'failed')
          .finally(() => (settledIn = Date.now() - began)),
      );
      await pass(3_000);
      await Promise.all(all);
      expect(settledIn).toBeLessThan(TIMEOUT + 150);
    });

    it('have the given timeout', async () => {
      const quick = new BoundedCalls(60);
      const call = quick.run(() => new Promise(() => undefined));
      const rejected = expect(call).rejects.toThrow('no answer within 60 ms');
      await pass(75);
      await rejected;
    });

    it('all reject in time; calls that wait are not made any more', async () => {
      runAll(250);
      await pass(TIMEOUT + 50);
      expect(settled).toHaveLength(250);
      expect(new Set(settled.map((line) => line.split(': ')[1]))).toEqual(new Set([LATE]));
      expect(client.made).toHaveLength(100);
    });

    it('let others run', async () => {
      runAll(100);
      await pass(TIMEOUT - 100);
      run(100);
      await pass(150);
      expect(client.made).toHaveLength(101);
      client.answer(100);
      await pass(0);
      expect(settled.at(-1)).toBe('answer 100');
    });

    it('never exceed 100 running calls by late answers', async () => {
      runAll(100);
      await pass(TIMEOUT + 50);
      runAll(150, 100);
      expect(client.made).toHaveLength(200);
      for (let n = 0; n < 100; n++) client.answer(n);
      await pass(0);
      expect(client.made).toHaveLength(200);
      expect(settled.filter((line) => line.startsWith('answer'))).toEqual([]);
    });
  });

  it('that wait are not late while others are answered', async () => {
    runAll(300);
    for (let n = 0; n < 200; n++) {
      await pass(5);
      client.answer(n);
    }
    await pass(0);
    // A second has passed; the last 100 were made within its second half.
    expect(settled).toHaveLength(200);
    for (let n = 200; n < 300; n++) client.answer(n);
    await pass(0);
    expect(settled.filter((line) => !line.startsWith('answer'))).toEqual([]);
  });

  it("may wait for the client's connection while others are answered, but not forever", async () => {
    runAll(1);
    for (let n = 1; n < 19; n++) {
      run(n);
      await pass(100);
      client.answer(n);
      await pass(0);
      expect(settled.at(-1)).toBe(`answer ${n}`);
    }
    run(19);
    await pass(250);
    expect(settled.at(-1)).toBe(`0: ${LATE}`);
    client.answer(19);
    await pass(0);
    expect(settled.at(-1)).toBe('answer 19');
  });

  it('are late when the store stops answering', async () => {
    runAll(2);
    await pass(300);
    client.answer(1);
    await pass(TIMEOUT - 50);
    expect(settled).toEqual(['answer 1']);
    await pass(100);
    expect(settled.at(-1)).toBe(`0: ${LATE}`);
  });

  it('keep no timer when no call runs', async () => {
    runAll(2);
    client.answer(0);
    client.answer(1);
    await pass(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that fail do not count as an answer of the store', async () => {
    runAll(1);
    for (let n = 1; n < 6; n++) {
      run(n);
      await pass(90);
      client.failures[n]!(new Error('connection refused'));
    }
    await pass(TIMEOUT - 450 + 50);
    expect(settled.at(-1)).toBe(`0: ${LATE}`);
  });

  it('that wait are refused only after the timeout without any answer', async () => {
    runAll(201);
    await pass(TIMEOUT - 100);
    client.answer(0);
    await pass(TIMEOUT - 100);
    expect(settled).toEqual(['answer 0']);
    await pass(150);
    expect(settled).toHaveLength(201);
  });

  it('that throw reject, and let others run', async () => {
    const results = Array.from({ length: 150 }, () =>
      calls.run(() => {
        throw new Error('not connected');
      }),
    );
    const settling = Promise.allSettled(results);
    await pass(TIMEOUT * 2);
    for (const result of await settling) {
      expect(result).toMatchObject({ reason: { message: 'not connected' } });
    }
  });
});

describe('bounded calls in a process that was too busy to read', () => {
  it.each([600, 2_000])('do not fail by %d ms of it', async (milliseconds) => {
    const calls = new BoundedCalls(200);
    const results = Array.from({ length: 300 }, (_, n) =>
      calls.run(() => new Promise((resolve) => setTimeout(resolve, 20, n))),
    );
    await new Promise(setImmediate);
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    expect(await Promise.all(results)).toHaveLength(300);
  });

  it('do not fail if the clock is set', async () => {
    const now = Date.now.bind(Date);
    const calls = new BoundedCalls(200);
    const result = calls.run(() => new Promise((resolve) => setTimeout(resolve, 60, 'answer')));
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    jest.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000);
    expect(await result).toBe('answer');
    jest.restoreAllMocks();
  });
});
