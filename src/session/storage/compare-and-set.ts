import { setTimeout as delay } from 'node:timers/promises';

import { SessionConflictError } from '../errors.js';

/** Far more than contention needs: each failed attempt means that another change was stored. */
export const MAX_ATTEMPTS = 50;

/** The longest back-off before an attempt, in milliseconds. The first two retries do not wait. */
const MAX_BACKOFF_MS = 16;

/**
 * Repeats a compare-and-set (read, change, store) while it returns `'changed'`, as another request was
 * faster.
 *
 * @throws SessionConflictError after 50 attempts
 */
export async function retryOnConflict<T>(
  attempt: () => Promise<T | 'changed'>,
): Promise<Exclude<T, 'changed'>> {
  for (let made = 1; made <= MAX_ATTEMPTS; made++) {
    const result = await attempt();
    if (result !== 'changed') return result as Exclude<T, 'changed'>;
    if (made > 2) await delay(Math.random() * Math.min(2 ** (made - 3), MAX_BACKOFF_MS));
  }
  throw new SessionConflictError(
    `Other requests changed the session during each of ${MAX_ATTEMPTS} attempts to store it.`,
  );
}
