import { setTimeout as delay } from 'node:timers/promises';

type Milliseconds = () => number;

/** What a handler does besides: it asks a database, or another service. */
export const ANY: Milliseconds = () => 5 + 20 * Math.random();

/** Long enough to sign out meanwhile. */
export const SLOW: Milliseconds = () => 400;

export function work(milliseconds: Milliseconds): Promise<void> {
  return delay(milliseconds());
}
