import { retryOnConflict } from './compare-and-set.js';
import type { SessionRecords, TracedRecord } from './session-records.js';

/** `'left'`: somebody signed in with it, and what he has now is another one. */
export type Removal = 'removed' | 'gone' | 'left';

/**
 * Takes a session out of the store, wherever a parallel new id has moved it, but not across a sign-in.
 * `version`: of its record, if that was read; otherwise `onRemoved` is told of it. `onChanged`: called
 * before it is tried again.
 */
export async function removeSession(
  records: SessionRecords,
  firstKey: string,
  firstVersion?: string,
  onRemoved?: (record: TracedRecord) => void,
  onChanged?: () => Promise<void>,
): Promise<Removal> {
  let key = firstKey;
  let version = firstVersion;
  let read: TracedRecord | undefined;
  return retryOnConflict<Removal>(async () => {
    if (version === undefined) {
      const newest = await records.trace(key);
      if (!newest) return 'gone';
      if (newest === 'border') return 'left';
      ({ key, version } = newest);
      read = newest;
    }
    const result = await records.remove(key, version);
    if (result === 'removed' && read) onRemoved?.(read);
    version = undefined;
    if (result === 'changed') await onChanged?.();
    return result;
  });
}
