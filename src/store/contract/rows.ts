import type { SessionStore } from '../../session/storage/store.js';
import { SessionStoreError } from '../../session/errors.js';
import type { CopyRows } from '../tier/row-copies.js';
import type { StoreCalls } from './calls.js';

/**
 * The rows of a store that is a table, for copies of sessions; asked for as its records are. `undefined`: it
 * is none.
 */
export function rowsOf(store: SessionStore, calls: () => StoreCalls): CopyRows | undefined {
  if (!hasRows(store)) return undefined;
  return {
    readRows: (keys) => told(calls().read('read', () => store.readRows(keys))),
    writeRow: (...row) => told(calls().write('write', () => store.writeRow(...row))),
    deleteRow: (key) => told(calls().write('drop', () => store.deleteRow(key))),
  };
}

function hasRows(store: SessionStore): store is SessionStore & CopyRows {
  return ['readRows', 'writeRow', 'deleteRow'].every((name) => name in store);
}

function told<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((cause: unknown) => {
    throw new SessionStoreError({ cause });
  });
}
