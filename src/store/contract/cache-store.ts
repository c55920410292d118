import type { Keyv } from 'keyv';

import type { SessionStore } from '../../session/storage/store.js';
import { keyvOver } from '../keyv-over.js';
import { ContractAdapter } from './adapter.js';

/** One Keyv for each store, so that all users share its connections and its health. */
const made = new WeakMap<SessionStore, Keyv>();

/**
 * Converts a `SessionStore` to a store for caches. Sessions in that cache have all guarantees of this
 * package:
 *
 * ```ts
 * CacheModule.register({ isGlobal: true, stores: [cacheStore(new MyStore())] })
 * ```
 *
 * `SessionModule.forRoot({ stores })` accepts a `SessionStore` directly.
 */
export function cacheStore(store: SessionStore): Keyv {
  let keyv = made.get(store);
  if (!keyv) made.set(store, (keyv = keyvOver(new ContractAdapter(store))));
  return keyv;
}

/** Recognizes a `SessionStore` by its methods. */
export function isSessionStore(value: unknown): value is SessionStore {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['find', 'create', 'update', 'remove'].every(
      (name) => typeof (value as Record<string, unknown>)[name] === 'function',
    )
  );
}
