import { subscribe } from 'node:diagnostics_channel';

import type { SessionEvent, SessionIdentity } from '../../src/index.js';

const LIFE = [
  ...(['committed', 'loaded', 'regenerated', 'signed-in'] as const),
  ...(['destroyed', 'expired', 'gone'] as const),
] satisfies SessionEvent[];

/** A line for each thing that happens to a session, in the order in which it happens. */
export function logSessions(write: (line: object) => void): void {
  for (const event of LIFE) {
    subscribe(`nestjs-session-manager:${event}`, (message) => {
      write({ at: new Date().toISOString(), event, ...(message as SessionIdentity) });
    });
  }
}
