import type { Keyv } from 'keyv';

import type { SessionStore } from '../../session/storage/store.js';
import { keyvOver } from '../keyv-over.js';
import { ContractAdapter } from './adapter.js';

/** The same Keyv for the same store, so that whoever uses it shares its connections and its health. */
const made = new WeakMap<SessionStore, Keyv>();

/**
 * A `SessionStore` as a store for caches, with all of this package's guarantees for the sessions kept in
 * it:
 *
 * ```ts
 * CacheModule.register({ isGlobal: true, stores: [cacheStore(new MyStore())] })
 * ```
 *
 * `SessionModule.forRoot({ stores })` takes a `SessionStore` as it is.
 */
export function cacheStore(store: SessionStore): Keyv {
  let keyv = made.get(store);
  if (!keyv) made.set(store, (keyv = keyvOver(new ContractAdapter(store))));
  return keyv;
}

/** Tells a `SessionStore` by its methods. */
export function isSessionStore(value: unknown): value is SessionStore {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['find', 'create', 'update', 'remove'].every(
      (name) => typeof (value as Record<string, unknown>)[name] === 'function',
    )
  );
}
