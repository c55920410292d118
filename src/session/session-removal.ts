import type { SessionRecords, TracedRecord } from './session-records.js';
import { tooManyConflicts } from './session.errors.js';

/** Each failed attempt means that another request's change was stored. */
const MAX_ATTEMPTS = 50;

/** `'left'`: somebody signed in with it, and what he has now is another one. */
export type Removal = 'removed' | 'gone' | 'left';

/**
 * Takes a session out of the store, wherever a parallel new id has moved it, but not across a sign-in.
 * `version`: of its record, if that was read; otherwise `onRemoved` is told of it.
 */
export async function removeSession(
  records: SessionRecords,
  firstKey: string,
  firstVersion?: string,
  onRemoved?: (record: TracedRecord) => void,
): Promise<Removal> {
  let key = firstKey;
  let version = firstVersion;
  let read: TracedRecord | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (version === undefined) {
      const newest = await records.trace(key);
      if (!newest) return 'gone';
      if (newest === 'border') return 'left';
      ({ key, version } = newest);
      read = newest;
    }
    const result = await records.remove(key, version);
    if (result === 'removed' && read) onRemoved?.(read);
    if (result !== 'changed') return result;
    version = undefined;
  }
  throw tooManyConflicts(MAX_ATTEMPTS);
}
