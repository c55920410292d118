import type { Keyv } from 'keyv';

import { keyvOver } from '../keyv-over.js';
import { MemcachedAdapter } from './adapter.js';
import {
  checkMemcachedOptions,
  type CheckedMemcachedOptions,
  type MemcachedLocation,
} from './options.js';

/**
 * memcached as a Keyv store, for an application's own `stores: [...]`: a cache like any other, with all
 * of this package's guarantees for the sessions kept in it.
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

/** The same, for options that were checked. */
export function memcachedKeyv(options: CheckedMemcachedOptions): Keyv {
  return keyvOver(new MemcachedAdapter(options));
}
