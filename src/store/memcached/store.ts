import type { Keyv } from 'keyv';

import { keyvOver } from '../keyv-over.js';
import { MemcachedAdapter } from './adapter.js';
import {
  checkMemcachedOptions,
  type CheckedMemcachedOptions,
  type MemcachedLocation,
} from './options.js';

/**
 * memcached as a Keyv store, for the `stores: [...]` of an application's cache. It works like any other
 * cache, and gives the sessions in it all guarantees of this package.
 *
 * ```ts
 * CacheModule.register({ isGlobal: true, stores: [memcachedStore('127.0.0.1:11211')] })
 * ```
 *
 * @throws SessionOptionsError for invalid options
 */
export function memcachedStore(options: MemcachedLocation): Keyv {
  return memcachedKeyv(checkMemcachedOptions(options));
}

/** Like `memcachedStore`, for options that were checked already. */
export function memcachedKeyv(options: CheckedMemcachedOptions): Keyv {
  return keyvOver(new MemcachedAdapter(options));
}
