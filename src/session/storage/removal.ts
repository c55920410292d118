import { retryOnConflict } from './compare-and-set.js';
import type { SessionRecords, TracedRecord } from './records.js';

/** `'left'`: somebody signed in with it, and what he has now is another one. */
export type Removal = 'removed' | 'gone' | 'left';

interface RemovalOptions {
  /** Of its record, if that was read. */
  readonly version?: string | undefined;
  /** Called before each attempt, when it is known which version that is to remove, with what was read of it. */
  readonly beforeRemoval?: ((read: TracedRecord | undefined) => Promise<void>) | undefined;
  /** Called with the record that was removed, if that was read here. */
  readonly onRemoved?: (record: TracedRecord) => void;
}

/** Takes a session out of the store, wherever a parallel new id has moved it, but not across a sign-in. */
export async function removeSession(
  records: SessionRecords,
  firstKey: string,
  { version: firstVersion, beforeRemoval, onRemoved }: RemovalOptions = {},
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
    await beforeRemoval?.(read);
    const result = await records.remove(key, version);
    if (result === 'removed' && read) onRemoved?.(read);
    version = undefined;
    return result;
  });
}
