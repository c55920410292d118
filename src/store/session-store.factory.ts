import { createCache, type Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import type { SessionStore } from '../session/session-store.js';
import { SessionOptionsError } from '../session/session.errors.js';
import { isAtomicAdapter } from './atomic-record.js';
import { AtomicSessionStore } from './atomic-session-store.js';
import type { KeyvLike, SessionCache } from './session-cache.js';
import { PlainSessionStore } from './plain-session-store.js';
import { ServerHealth } from './server-health.js';
import { WatchedSessionStore } from './watched-session-store.js';

interface Settings {
  readonly keyPrefix: string;
  /** Idle timeout in seconds. */
  readonly timeout: number;
  readonly now: () => number;
}

/** A store, and how the servers behind it do. */
export interface OpenSessionStore {
  readonly store: SessionStore;
  readonly servers: readonly ServerHealth[];
}

/** The store for a cache, as good as its adapter allows. */
export function openSessionStore(cache: SessionCache, settings: Settings): OpenSessionStore {
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
    return { store: new AtomicSessionStore(blocking(cache, stores)), servers: adapter.servers };
  }
  for (const store of stores) tellErrors(store);
  const store = new PlainSessionStore(blocking(cache, stores), settings);
  const health = new ServerHealth(nameOf(adapter), {
    probe: () => store.find(`${settings.keyPrefix}probe`),
  });
  return { store: new WatchedSessionStore(store, health), servers: [health] };
}

/** What people call a store by: the class of its adapter. */
function nameOf(adapter: unknown): string {
  return (adapter as object | undefined)?.constructor.name ?? 'cache';
}

/**
 * A cache over the same store that waits for it: one made with `nonBlocking` answers before it has
 * stored, and does not tell that it was made so.
 */
function blocking(cache: SessionCache, stores: Keyv[]): SessionCache {
  return stores.length > 0 ? createCache({ stores }) : cache;
}

/** A Keyv as it is; an adapter in a Keyv of its own. */
export function toKeyv(store: KeyvLike): Keyv {
  // As Nest's CacheModule tells them: some adapters look much like a Keyv.
  const isKeyv = 'hooks' in store && 'stats' in store;
  return isKeyv ? (store as unknown as Keyv) : new Keyv({ store });
}

/** Otherwise an outage is answered with `undefined`, which would be a missing session. */
function tellErrors(keyv: Keyv): void {
  keyv.throwOnErrors = true;
  const adapter = keyv.store as { throwOnErrors?: boolean };
  if ('throwOnErrors' in adapter) adapter.throwOnErrors = true; // such as @keyv/redis
}
