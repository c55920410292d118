import type { Scheduler } from './scheduler.js';

let scheduler: Scheduler | undefined;

/** Whose `delay()` back-offs are. */
export function delayBy(present: Scheduler): void {
  scheduler = present;
}

/** In place of that of `node:timers/promises`. */
export function setTimeout(): Promise<void> {
  return scheduler!.delay();
}
