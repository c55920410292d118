import type { Keyv } from 'keyv';

import { cacheStore } from '../contract/cache-store.js';
import { checkRedisOptions, type RedisLocation } from './options.js';
import { RedisSessionStore } from './session-store.js';

/**
 * Stores sessions in Redis or Valkey, with all guarantees of this package. For the option `stores`, as the
 * only or the first store, and for the application's own cache.
 *
 * ```ts
 * SessionModule.forRoot({ stores: redisStore('redis://127.0.0.1:6379') })
 * ```
 *
 * @throws SessionOptionsError for invalid options, or if no client is installed
 */
export function redisStore(location: RedisLocation): Keyv {
  return cacheStore(redisSessionStore(location));
}

/** Like `redisStore()`, as a `SessionStore`. */
export function redisSessionStore(location: RedisLocation): RedisSessionStore {
  const { makeLink, ...settings } = checkRedisOptions(location);
  return new RedisSessionStore(makeLink, settings);
}
