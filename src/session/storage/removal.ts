import { retryOnConflict } from './compare-and-set.js';
import type { SessionRecords, TracedRecord } from './records.js';

/** `'left'`: the session moved behind a border (a sign-in), and was not removed there. */
export type Removal = 'removed' | 'gone' | 'left';

interface RemovalOptions {
  /** Of the record, if that was read already. */
  readonly version?: string | undefined;
  /** Called before each attempt, after the version to remove is known, with the record if that was read. */
  readonly beforeRemoval?: ((read: TracedRecord | undefined) => Promise<void>) | undefined;
  /** Called with the removed record, if it was read here. */
  readonly onRemoved?: (record: TracedRecord) => void;
}

/** Removes a session from the store. Follows parallel rotations, but not across a border. */
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
      const newest = await records.trace(key, 0);
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
