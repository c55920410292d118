import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { StoreCalls } from '../../../src/store/contract/calls.js';
import { MapSessionStore } from '../../support/map-store.js';

const TIMEOUT = 200;
const CONNECTING = 60;

/** Its connection is half-open at first. A new one needs some time, and serves all that has waited for it. */
class HalfOpenStore extends MapSessionStore {
  readonly timeout = TIMEOUT;
  reconnects = 0;
  private connects: NodeJS.Timeout | undefined;
  private isConnected = false;
  private waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];

  override find(): Promise<undefined> {
    if (this.isConnected) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve: () => resolve(undefined), reject });
    });
  }

  reconnect(): void {
    this.reconnects++;
    clearTimeout(this.connects);
    this.connects = setTimeout(() => {
      this.isConnected = true;
      for (const { resolve } of this.waiting.splice(0)) resolve();
    }, CONNECTING);
    for (const { reject } of this.waiting.splice(0)) reject(new Error('closed'));
  }
}

describe('calls on a connection that is half-open', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('replace it once, and wait for the new one as long as they have time', async () => {
    const store = new HalfOpenStore();
    const calls = new StoreCalls(store);
    const settled: Record<number, string> = {};
    for (let at = 0; at < TIMEOUT; at += CONNECTING / 2) {
      calls
        .read('find', () => store.find())
        .then(
          () => (settled[at] = 'answered'),
          (error: Error) => (settled[at] = error.message),
        );
      await jest.advanceTimersByTimeAsync(CONNECTING / 2);
    }
    await jest.advanceTimersByTimeAsync(TIMEOUT);
    expect(store.reconnects).toBe(1);
    const late = `no answer within ${TIMEOUT} ms`;
    expect(settled).toEqual({
      ...{ 0: late, 30: late },
      ...{ 90: 'answered', 120: 'answered', 150: 'answered', 180: 'answered' },
      60: expect.anything(), // is late at the moment in which the connection is there
    });
    calls.health.close();
  });
});
