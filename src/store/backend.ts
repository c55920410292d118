import type { SessionStore } from '../session/storage/store.js';
import { SessionOptionsError } from '../session/errors.js';
import {
  checkMemcachedOptions,
  type CheckedMemcachedOptions,
  type MemcachedLocation,
} from './memcached/options.js';
import type { KeyvLike, SessionCache } from './cache.js';
import { isSessionStore } from './contract/cache-store.js';

/** A store for sessions. */
export type SessionStorage = SessionStore | KeyvLike;

/** The options that choose the backend. */
export interface BackendOptions {
  readonly memcached?: MemcachedLocation | undefined;
  readonly stores?: SessionStorage | readonly SessionStorage[] | undefined;
  readonly cache?: SessionCache | undefined;
}

export const BACKENDS = ['memcached', 'stores', 'cache'] as const;

/** The chosen backend, with its options checked. */
export type StorageBackend =
  | { readonly memcached: CheckedMemcachedOptions }
  | { readonly stores: readonly SessionStorage[] }
  | { readonly cache: SessionCache }
  | 'memory';

/** @throws SessionOptionsError if two backends are given, or if the options of one are invalid */
export function backendOf(options: BackendOptions): StorageBackend {
  const [first, other] = BACKENDS.filter((name) => options[name] !== undefined);
  if (other) {
    throw new SessionOptionsError(
      other,
      `${first} is given too; sessions are kept in one place, so give only one`,
    );
  }
  if (options.memcached !== undefined) {
    return { memcached: checkMemcachedOptions(options.memcached) };
  }
  if (options.stores !== undefined) {
    const stores: SessionStorage[] = [options.stores].flat();
    const isStore = (store: SessionStorage) => isKeyvLike(store) || isSessionStore(store);
    if (stores.length === 0 || !stores.every(isStore)) {
      throw new SessionOptionsError(
        'stores',
        'give a SessionStore, a Keyv or a Keyv store adapter',
      );
    }
    return { stores };
  }
  if (options.cache === undefined) return 'memory';
  if (!hasFunctions('get', 'set', 'del', 'on')(options.cache)) {
    throw new SessionOptionsError('cache', 'give a cache of cache-manager, such as CACHE_MANAGER');
  }
  return { cache: options.cache };
}

const isKeyvLike = hasFunctions('get', 'set', 'delete', 'clear');

function hasFunctions(...names: string[]): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
