import type { Scheduler } from './scheduler.js';

let scheduler: Scheduler | undefined;

const realImmediate = globalThis.setImmediate;

/** Whose back-offs and `setImmediate()` are: those of the code under test. */
export function delayBy(present: Scheduler): void {
  // Once: Jest keeps each value that a global was given.
  if (!scheduler) Object.assign(globalThis, { setImmediate: scheduledImmediate });
  scheduler = present;
}

/** The real ones again. */
export function delayByTime(): void {
  scheduler = undefined;
  Object.assign(globalThis, { setImmediate: realImmediate });
}

/** In place of that of `node:timers/promises`. */
export function setTimeout(): Promise<void> {
  return scheduler!.delay();
}

function scheduledImmediate(action: () => void): void {
  scheduler!.immediate(action);
}
