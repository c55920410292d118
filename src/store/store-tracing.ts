import { tracingChannel, type Channel } from 'node:diagnostics_channel';

import { RecordRefused } from './atomic-record.js';

/** An operation of a store: for sessions `find`, `create`, `update` or `remove`. */
export interface StoreOperation {
  readonly operation: string;
  /** As in `SessionMonitor.servers`. */
  readonly server: string;
  /** In milliseconds; set when the operation has ended. */
  duration?: number;
}

/**
 * Publishes `start`, `asyncEnd` and, before that, `error` of each operation. No message has a key or a
 * value.
 */
const channel = tracingChannel<StoreOperation>('nestjs-session-manager:store');
const { start, end, asyncStart, asyncEnd, error } = channel;
const ALL = [start, end, asyncStart, asyncEnd, error];

/**
 * Runs an operation and publishes its events. Costs nothing without subscribers. A record that has changed
 * or is gone is an answer, not an error.
 */
export function traced<T>(server: string, operation: string, run: () => Promise<T>): Promise<T> {
  return isTraced() ? trace(server, operation, run) : run();
}

/** Whether there are subscribers. */
export function isTraced(): boolean {
  return ALL.some(hasSubscribers);
}

function hasSubscribers(channel: Channel): boolean {
  return channel.hasSubscribers;
}

async function trace<T>(server: string, operation: string, run: () => Promise<T>): Promise<T> {
  const message: StoreOperation = { operation, server };
  const begun = performance.now();
  let answer: () => T;
  // `tracePromise` adds the promise's result to the message, so the promise must resolve to nothing.
  await channel.tracePromise(async () => {
    try {
      const result = await run();
      answer = () => result;
    } catch (problem) {
      if (!(problem instanceof RecordRefused)) throw problem;
      answer = () => {
        throw problem;
      };
    } finally {
      message.duration = performance.now() - begun;
    }
  }, message);
  return answer!();
}
