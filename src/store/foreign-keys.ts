import { SessionError } from '../session/errors.js';
import type { SessionCache } from './cache.js';

type Method = (...args: never[]) => unknown;

/** The writing methods of a cache, and how to get the keys from their first argument. */
const WRITERS: Readonly<Record<string, (first: unknown) => unknown[]>> = {
  set: (key) => [key],
  del: (key) => [key],
  wrap: (key) => [key],
  mset: (items) => (items as { key: unknown }[]).map(({ key }) => key),
  mdel: (keys) => keys as unknown[],
};

/** The error for a write to a session's key, most likely of an application whose keys come from its users. */
export function foreignKey(prefix: string): SessionError {
  return new SessionError(
    'SESSION_FOREIGN_KEY',
    `Keys that begin with ${prefix} are kept for sessions in this cache. Put a prefix of its own before ` +
      'every other key, above all if it comes from a user; or give sessions another keyPrefix.',
  );
}

/**
 * Refuses writes to keys of sessions in a cache that the application also uses. Sessions themselves use
 * another cache over the same store.
 */
export function refuseForeignKeys(cache: SessionCache, prefix: string): void {
  const methods = cache as unknown as Record<string, Method | undefined>;
  for (const [name, keysOf] of Object.entries(WRITERS)) {
    const write = methods[name];
    if (typeof write !== 'function') continue;
    methods[name] = (...args: never[]) => {
      const isForeign = keysOf(args[0]).some(
        (key) => typeof key === 'string' && key.startsWith(prefix),
      );
      return isForeign ? Promise.reject(foreignKey(prefix)) : write.apply(cache, args);
    };
  }
}
