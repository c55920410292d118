import type { Keyv } from 'keyv';

import { keyvOver } from '../keyv-over.js';
import { MemcachedAdapter } from './memcached-adapter.js';
import { checkMemcachedOptions, type MemcachedLocation } from './memcached-options.js';

/**
 * memcached as a Keyv store, for an application's own `stores: [...]`: a cache as any other, and with
 * all of this package's guarantees where sessions are kept in it.
 *
 * ```ts
 * CacheModule.register({ isGlobal: true, stores: [memcachedStore('127.0.0.1:11211')] })
 * ```
 *
 * @throws SessionOptionsError for wrong options
 */
export function memcachedStore(options: MemcachedLocation): Keyv {
  return keyvOver(new MemcachedAdapter(checkMemcachedOptions(options)));
}
