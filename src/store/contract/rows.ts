import type { SessionStore } from '../../session/storage/store.js';
import { SessionStoreError } from '../../session/errors.js';
import type { CopyRows } from '../tier/row-copies.js';
import type { StoreCalls } from './calls.js';

/**
 * The rows of a store that is a table, for copies of sessions. Deadlines and limits are those of its records.
 * `undefined`: the store is not a table.
 */
export function rowsOf(store: SessionStore, calls: () => StoreCalls): CopyRows | undefined {
  if (!hasRows(store)) return undefined;
  return {
    readRows: (keys) => asStoreError(calls().read('read', () => store.readRows(keys))),
    writeRow: (...row) => asStoreError(calls().write('write', () => store.writeRow(...row))),
    deleteRow: (key) => asStoreError(calls().write('drop', () => store.deleteRow(key))),
  };
}

function hasRows(store: SessionStore): store is SessionStore & CopyRows {
  return ['readRows', 'writeRow', 'deleteRow'].every((name) => name in store);
}

function asStoreError<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((cause: unknown) => {
    throw new SessionStoreError({ cause });
  });
}
