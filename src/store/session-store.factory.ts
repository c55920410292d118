import { createCache, type Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import type { SessionStore } from '../session/session-store.js';
import { SessionOptionsError } from '../session/session.errors.js';
import { isAtomicAdapter } from './atomic-record.js';
import { AtomicSessionStore } from './atomic-session-store.js';
import { PlainSessionStore } from './plain-session-store.js';
import { ServerHealth } from './server-health.js';
import type { KeyvLike, SessionCache } from './session-cache.js';
import { CachedCopies } from './tier/session-copies.js';
import {
  TieredSessionStore,
  type Durability,
  type TierListener,
} from './tier/tiered-session-store.js';
import { WatchedCopies } from './tier/watched-copies.js';
import { WatchedSessionStore } from './watched-session-store.js';

interface Settings {
  readonly keyPrefix: string;
  /** Idle timeout in seconds. */
  readonly timeout: number;
  readonly now: () => number;
  /** For a cache with a second store only. */
  readonly durable?: Durability | undefined;
  readonly tierListener?: TierListener;
}

/** A store, and how the servers behind it do. */
export interface OpenSessionStore {
  readonly store: SessionStore;
  readonly servers: readonly ServerHealth[];
  /** Ends what goes on by itself: the probing of a server that is down. The cache is not closed. */
  close(): void;
}

/** The store for a cache, as good as its adapter allows; over two stores the second keeps copies. */
export function openSessionStore(cache: SessionCache, settings: Settings): OpenSessionStore {
  // A cache of another make may not tell its stores.
  const stores = (cache as Partial<Cache>).stores ?? [];
  const [fast, tier, ...others] = stores;
  if (others.length > 0) {
    throw new SessionOptionsError(
      'stores',
      'give one store, or two: memcachedStore(…), then a durable one for a copy of each session',
    );
  }
  if (fast && tier) return openTieredStore(fast, tier, settings);
  if (settings.durable !== undefined) {
    throw new SessionOptionsError(
      'durable',
      'there is no durable store; give stores: [memcachedStore(…), new Keyv(…)]',
    );
  }
  const adapter: unknown = stores[0]?.store;
  if (isAtomicAdapter(adapter)) {
    adapter.holdRecords(settings.keyPrefix, settings.timeout);
    const store = new AtomicSessionStore(blocking(cache, stores));
    return { store, servers: adapter.servers, close: nothing }; // the adapter closes its own
  }
  for (const store of stores) tellErrors(store);
  const store = new PlainSessionStore(blocking(cache, stores), settings);
  const health = new ServerHealth(nameOf(adapter), {
    probe: () => store.find(`${settings.keyPrefix}probe`),
  });
  const close = () => health.close();
  return { store: new WatchedSessionStore(store, health), servers: [health], close };
}

/** What people call a store by: the class of its adapter. */
function nameOf(adapter: unknown): string {
  return (adapter as object | undefined)?.constructor.name ?? 'cache';
}

/** Each store has a cache of its own: cache-manager would read the second one for each miss. */
function openTieredStore(fast: Keyv, tier: Keyv, settings: Settings): OpenSessionStore {
  if (!isAtomicAdapter(fast.store)) {
    throw new SessionOptionsError(
      'stores',
      'the first of two must be memcachedStore(…); the second keeps copies of its sessions',
    );
  }
  if (fast.store.rehashes) {
    throw new SessionOptionsError(
      'memcached.rehash',
      'a durable store restores what a server loses; together they could restore a session that was ' +
        'ended on another server. Leave rehash out',
    );
  }
  if (isAtomicAdapter(tier.store)) {
    throw new SessionOptionsError(
      'stores',
      'the second of two must be a durable one, such as new Keyv({ store: new KeyvPostgres(…) })',
    );
  }
  tellErrors(tier);
  const { keyPrefix, timeout, now, durable = 'required', tierListener: listener } = settings;
  const { store, servers } = openSessionStore(createCache({ stores: [fast] }), {
    ...{ keyPrefix, timeout, now },
  });
  const copies = new CachedCopies(createCache({ stores: [tier] }), { timeout, now });
  const health = new ServerHealth(nameOf(tier.store), {
    probe: () => copies.read(`${keyPrefix}probe`),
  });
  const tiered = new TieredSessionStore(store, new WatchedCopies(copies, health), {
    ...{ timeout, now, durable },
    listener: listener ?? SILENT,
  });
  return { store: tiered, servers: [...servers, health], close: () => health.close() };
}

const nothing = () => undefined;
const SILENT: TierListener = { copyFailed: nothing, restored: nothing };

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
