import { createCache, type Cache } from 'cache-manager';
import { Keyv } from 'keyv';

import type { SessionStore } from '../session/storage/store.js';
import { SessionOptionsError } from '../session/errors.js';
import { isAtomicAdapter, type ServerDiagnosis } from './atomic-record.js';
import { AtomicSessionStore } from './atomic-store.js';
import { cacheStore, isSessionStore } from './contract/cache-store.js';
import { ContractAdapter } from './contract/adapter.js';
import { refuseForeignKeys } from './foreign-keys.js';
import { holdConnection } from './held-connection.js';
import { MemcachedAdapter } from './memcached/adapter.js';
import { PlainSessionStore } from './plain-store.js';
import { ServerHealth, type ServerWatcher } from './server-health.js';
import type { KeyvLike, SessionCache } from './cache.js';
import { sessionKeyv } from './session-keyv.js';
import { CachedCopies, type SessionCopies } from './tier/copies.js';
import { RowCopies } from './tier/row-copies.js';
import { StoredCopies } from './tier/stored-copies.js';
import { TieredSessionStore, type Durability, type TierListener } from './tier/tiered-store.js';
import { WatchedCopies } from './tier/watched-copies.js';
import { WatchedSessionStore } from './watched-store.js';

interface Settings {
  readonly keyPrefix: string;
  /** Idle timeout in seconds. */
  readonly timeout: number;
  /** The most that a session's own may be. */
  readonly remember?: { readonly timeout: number } | false;
  readonly now: () => number;
  /** For a cache with a second store only. */
  readonly durable?: Durability | undefined;
  readonly tierListener?: TierListener;
}

/** A store and the servers behind it. */
export interface OpenSessionStore {
  readonly store: SessionStore;
  /** The backend's name in the log: `memcached`, or the class name of an adapter. */
  readonly place: string;
  /** The servers as they are now. */
  readonly servers: readonly ServerHealth[];
  /** Watches these servers, and those that are found later. */
  watch(watcher: ServerWatcher): void;
  /**
   * Examines the servers, where the store supports it: their version, and whether they take records of
   * this size.
   */
  diagnose(maxBytes: number): Promise<ServerDiagnosis[]>;
  /** Stops probing servers that are down. The cache is not closed. */
  close(): void;
  /**
   * Keeps connections open until the returned function is called, also if the cache is closed before. Not
   * those to memcached, which close by themselves when no command waits.
   */
  hold(): () => Promise<void>;
  /** A better way to keep sessions there. */
  readonly advice?: string | undefined;
  /** Calls `onRemoved` with the keys of records that other processes remove, if the store supports it. */
  watchRemovals(onRemoved: (key: string) => void): () => void;
}

/**
 * Opens the session store over a cache, by what its adapter supports. Of two stores the second keeps
 * copies.
 */
export function openSessionStore(cache: SessionCache, settings: Settings): OpenSessionStore {
  // Only a cache of cache-manager has `stores`.
  const stores = (cache as Partial<Cache>).stores ?? [];
  const [fast, tier, ...others] = stores;
  if (others.length > 0) {
    throw new SessionOptionsError(
      'stores',
      'give one store, or two: memcachedStore(…) or another one that can compare and set, then a ' +
        'durable one for a copy of each session',
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
    const watchers: ServerWatcher[] = [];
    let isAttached = false;
    return {
      store: new AtomicSessionStore(blocking(cache, stores)),
      place: nameOf(adapter),
      get servers() {
        return adapter.servers;
      },
      watch(watcher) {
        watchers.push(watcher);
        adapter.watch(watcher);
      },
      diagnose(maxBytes) {
        if (!isAttached) adapter.attach?.();
        isAttached = true;
        return adapter.diagnose(maxBytes);
      },
      // The adapter closes its own connections.
      close() {
        for (const watcher of watchers.splice(0)) adapter.unwatch?.(watcher);
      },
      hold: () => (adapter.hasToBeHeld ? holdAll(stores) : () => Promise.resolve()),
      watchRemovals: (onRemoved) => adapter.watchRemovals?.(onRemoved) ?? nothing,
    };
  }
  const keyvs = stores.map(sessionKeyv);
  const store = new PlainSessionStore(blocking(cache, keyvs), settings);
  const health: ServerHealth = new ServerHealth(nameOf(adapter), {
    probe: () => health.observe(() => store.find(`${settings.keyPrefix}probe`)),
  });
  return {
    store: new WatchedSessionStore(store, health),
    place: nameOf(adapter),
    servers: [health],
    watch: (watcher) => health.watch(watcher),
    diagnose: () => Promise.resolve([]),
    close: () => health.close(),
    hold: () => holdAll(stores),
    watchRemovals: () => nothing,
    advice: adviceFor(nameOf(adapter)),
  };
}

/** Of adapters for servers that could compare and set, and are only asked to read and overwrite. */
const BETTER: Readonly<Record<string, string>> = {
  KeyvRedis: 'redisStore(…) of nestjs-session-manager/redis',
  KeyvValkey: 'redisStore(…) of nestjs-session-manager/redis',
  KeyvPostgres: 'postgresStore(…) of nestjs-session-manager/postgres',
};

function adviceFor(name: string): string | undefined {
  if (!Object.hasOwn(BETTER, name)) return undefined;
  return (
    `Sessions are kept in ${name}, which can only read and overwrite: when two processes write to one ` +
    `session at once, a change can be lost or a logout be undone. With ${BETTER[name]} neither can.`
  );
}

function adviceForCopies(name: string): string | undefined {
  if (!Object.hasOwn(BETTER, name)) return undefined;
  return (
    `Copies of sessions are kept in ${name}, which can only read and overwrite. With ${BETTER[name]} ` +
    "each is compared with what is there before it is replaced, and the server's problems are told at start."
  );
}

/** A store's name in the log: the class of its adapter. */
function nameOf(adapter: unknown): string {
  if (adapter instanceof MemcachedAdapter) return 'memcached';
  if (adapter instanceof ContractAdapter) return adapter.servers[0]!.server;
  return (adapter as object | undefined)?.constructor.name ?? 'cache';
}

/**
 * Each store gets a separate cache: with one cache, cache-manager would read the second store at each
 * miss.
 */
function openTieredStore(fast: Keyv, tier: Keyv, settings: Settings): OpenSessionStore {
  if (!isAtomicAdapter(fast.store)) {
    throw new SessionOptionsError(
      'stores',
      'the first of two must be memcachedStore(…), redisStore(…) or another SessionStore; the second ' +
        'keeps copies of its sessions',
    );
  }
  if (fast.store.mayGetServersBack) {
    throw new SessionOptionsError(
      'memcached.servers',
      'a server that leaves a DNS name and comes back still has its old sessions, and with a durable ' +
        'store these could be ones that have ended since. Name each server instead of { dns }',
    );
  }
  if (isAtomicAdapter(tier.store) && !(tier.store instanceof ContractAdapter)) {
    throw new SessionOptionsError(
      'stores',
      'the second of two must be a durable one, such as new Keyv({ store: new KeyvPostgres(…) })',
    );
  }
  const { timeout, remember, now, durable = 'required', tierListener } = settings;
  const longestLife = remember ? Math.max(timeout, remember.timeout) : timeout;
  const first = openSessionStore(createCache({ stores: [fast] }), {
    ...settings,
    durable: undefined,
  });
  const second = openTier(tier, settings);
  return {
    store: new TieredSessionStore(first.store, second.copies, {
      ...{ timeout, longestLife, now, durable },
      listener: tierListener ?? SILENT,
    }),
    place: `${first.place}, with a durable copy in ${nameOf(tier.store)}`,
    get servers() {
      return [...first.servers, ...second.servers];
    },
    watch(watcher) {
      first.watch(watcher);
      second.watch(watcher);
    },
    diagnose: async (maxBytes) => {
      const found = await Promise.all([first.diagnose(maxBytes), second.diagnose(maxBytes)]);
      return found.flat();
    },
    close() {
      first.close();
      second.close();
    },
    hold() {
      const held = [first.hold(), holdAll([tier])];
      return async () => {
        await Promise.all(held.map((letGo) => letGo()));
      };
    },
    watchRemovals: (onRemoved) => first.watchRemovals(onRemoved),
    advice: adviceForCopies(nameOf(tier.store)),
  };
}

interface OpenTier extends Pick<OpenSessionStore, 'servers' | 'watch' | 'diagnose' | 'close'> {
  readonly copies: SessionCopies;
}

function openTier(tier: Keyv, settings: Settings): OpenTier {
  const { keyPrefix, timeout, now } = settings;
  if (tier.store instanceof ContractAdapter) {
    const { rows } = tier.store;
    const open = openSessionStore(createCache({ stores: [tier] }), {
      ...settings,
      durable: undefined,
    });
    return {
      copies: rows
        ? new RowCopies(rows, { timeout, now })
        : new StoredCopies(open.store, { timeout, now }),
      get servers() {
        return open.servers;
      },
      watch: (watcher) => open.watch(watcher),
      diagnose: (maxBytes) => open.diagnose(maxBytes),
      close: () => open.close(),
    };
  }
  const copies = new CachedCopies(createCache({ stores: [sessionKeyv(tier)] }), { timeout, now });
  const health: ServerHealth = new ServerHealth(nameOf(tier.store), {
    probe: () => health.observe(() => copies.read(`${keyPrefix}probe`)),
  });
  return {
    copies: new WatchedCopies(copies, health),
    servers: [health],
    watch: (watcher) => health.watch(watcher),
    diagnose: () => Promise.resolve([]),
    close: () => health.close(),
  };
}

const nothing = () => undefined;
const SILENT: TierListener = { copyFailed: nothing, restored: nothing };

function holdAll(stores: readonly Keyv[]): () => Promise<void> {
  const held = stores.map(holdConnection);
  return async () => {
    await Promise.all(held.map((letGo) => letGo()));
  };
}

/**
 * A cache over the same store that waits for each write. A cache made with `nonBlocking` does not wait, and
 * does not show that it was made so.
 */
function blocking(cache: SessionCache, stores: Keyv[]): SessionCache {
  return stores.length > 0 ? createCache({ stores }) : cache;
}

/**
 * Protects the sessions in a cache that an application also uses. Without `stores`, sessions use the
 * cache itself.
 */
export function keepForSessions(cache: SessionCache, keyPrefix: string): void {
  if ((cache as Partial<Cache>).stores?.length) refuseForeignKeys(cache, keyPrefix);
}

/** Returns a Keyv unchanged; wraps an adapter or a `SessionStore` in a Keyv. */
export function toKeyv(store: KeyvLike | SessionStore): Keyv {
  if (isSessionStore(store)) return cacheStore(store);
  // The same test as in Nest's CacheModule: some adapters look much like a Keyv.
  const isKeyv = 'hooks' in store && 'stats' in store;
  return isKeyv ? (store as unknown as Keyv) : new Keyv({ store });
}
