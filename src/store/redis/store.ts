import type { Keyv } from 'keyv';

import { cacheStore } from '../contract/cache-store.js';
import { checkRedisOptions, type RedisLocation } from './options.js';
import { RedisSessionStore } from './session-store.js';

/**
 * Redis or Valkey as a store for sessions, with all of this package's guarantees: for `stores`, alone or
 * as the first of two, and for an application's own cache.
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

/** The same, by itself. */
export function redisSessionStore(location: RedisLocation): RedisSessionStore {
  const { makeLink, ...settings } = checkRedisOptions(location);
  return new RedisSessionStore(makeLink, settings);
}
