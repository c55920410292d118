import type { SessionRecords } from './session-records.js';
import { tooManyConflicts } from './session.errors.js';

/** Each failed attempt means that another request's change was stored. */
const MAX_ATTEMPTS = 50;

/**
 * Takes a session out of the store, wherever a parallel new id has moved it. `version`: of its record,
 * if that was read. Answers whether it was there.
 */
export async function removeSession(
  records: SessionRecords,
  firstKey: string,
  firstVersion?: string,
): Promise<boolean> {
  let key = firstKey;
  let version = firstVersion;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (version === undefined) {
      const newest = await records.find(key);
      if (!newest) return false;
      if ('forwardTo' in newest) {
        key = newest.forwardTo;
        continue;
      }
      version = newest.version;
    }
    const result = await records.remove(key, version);
    if (result !== 'changed') return result === 'removed';
    version = undefined;
  }
  throw tooManyConflicts(MAX_ATTEMPTS);
}
