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

  it('answer what the client answers', async () => {
    runAll(1);
    client.answer(0);
    await pass(0);
    expect(settled).toEqual(['answer 0']);
  });

  it('reject with what the client rejects with', async () => {
    const error = new Error('connection reset');
    await expect(calls.run(() => Promise.reject(error))).rejects.toBe(error);
  });

  it('are made at once up to 100; others wait in their order', async () => {
    runAll(103);
    expect(client.made).toHaveLength(100);
    client.answer(7);
    await pass(0);
    expect(client.made.slice(100)).toEqual([100]);
    client.failures[8]!(new Error('failed'));
    await pass(0);
    expect(client.made.slice(100)).toEqual([100, 101]);
  });

  it('are refused at once if 100,000 wait already, and made again when fewer do', async () => {
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
    it('reject after the time-out, and not before', async () => {
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

    it('have the time-out that was given', async () => {
      const quick = new BoundedCalls(60);
      const call = quick.run(() => new Promise(() => undefined));
      const rejected = expect(call).rejects.toThrow('no answer within 60 ms');
      await pass(75);
      await rejected;
    });

    it('reject all in time, also those that were never made, which are not made then', async () => {
      runAll(250);
      await pass(TIMEOUT + 50);
      expect(settled).toHaveLength(250);
      expect(new Set(settled.map((line) => line.split(': ')[1]))).toEqual(new Set([LATE]));
      expect(client.made).toHaveLength(100);
    });

    it('leave their places to others', async () => {
      runAll(100);
      await pass(TIMEOUT - 100);
      run(100);
      await pass(150);
      expect(client.made).toHaveLength(101);
      client.answer(100);
      await pass(0);
      expect(settled.at(-1)).toBe('answer 100');
    });

    it('do not make more than 100 of them run by answering late', async () => {
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

  it('that wait are owed nothing while others are answered', async () => {
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

  it('wait for a connection of the client as long as others are answered, but not for ever', async () => {
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

  it('are late once the store answers nothing, however lately it did', async () => {
    runAll(2);
    await pass(300);
    client.answer(1);
    await pass(TIMEOUT - 50);
    expect(settled).toEqual(['answer 1']);
    await pass(100);
    expect(settled.at(-1)).toBe(`0: ${LATE}`);
  });

  it('keep no timer once nothing is under way', async () => {
    runAll(2);
    client.answer(0);
    client.answer(1);
    await pass(100);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that fail do not make a silent store one that answers', async () => {
    runAll(1);
    for (let n = 1; n < 6; n++) {
      run(n);
      await pass(90);
      client.failures[n]!(new Error('connection refused'));
    }
    await pass(TIMEOUT - 450 + 50);
    expect(settled.at(-1)).toBe(`0: ${LATE}`);
  });

  it('that wait are refused only once nothing is answered for the time-out', async () => {
    runAll(201);
    await pass(TIMEOUT - 100);
    client.answer(0);
    await pass(TIMEOUT - 100);
    expect(settled).toEqual(['answer 0']);
    await pass(150);
    expect(settled).toHaveLength(201);
  });

  it('that throw at once reject, and give their place to others', async () => {
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

  it('do not fail by a step of the time of day', async () => {
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
