import type { Cache } from 'cache-manager';
import { Keyv, type KeyvStoreAdapter } from 'keyv';

import type { SessionStore } from '../session/session-store.js';
import { SessionOptionsError } from '../session/session.errors.js';
import { isAtomicAdapter } from './atomic-record.js';
import { AtomicSessionStore } from './atomic-session-store.js';
import { PlainSessionStore } from './plain-session-store.js';

interface Settings {
  readonly keyPrefix: string;
  /** Idle timeout in seconds. */
  readonly timeout: number;
  readonly now: () => number;
}

/** The store for a cache, as good as its adapter allows. */
export function openSessionStore(cache: Cache, settings: Settings): SessionStore {
  // A cache of another make may not tell its stores.
  const stores = (cache as Partial<Cache>).stores ?? [];
  if (stores.length > 1) {
    throw new SessionOptionsError(
      'stores',
      'sessions take one store, as a second one could serve an older copy of them',
    );
  }
  const adapter: unknown = stores[0]?.store;
  if (isAtomicAdapter(adapter)) {
    adapter.holdRecords(settings.keyPrefix, settings.timeout);
    return new AtomicSessionStore(cache);
  }
  // Without it Keyv answers an outage with `undefined`, which would be a missing session.
  for (const store of stores) store.throwOnErrors = true;
  return new PlainSessionStore(cache, settings);
}

/** A Keyv as it is; an adapter in a Keyv that tells of its errors. */
export function toKeyv(store: Keyv | KeyvStoreAdapter): Keyv {
  return 'throwOnErrors' in store ? store : new Keyv({ store, throwOnErrors: true });
}
