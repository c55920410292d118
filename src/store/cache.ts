import type { Cache } from 'cache-manager';

/**
 * What sessions need of a cache of cache-manager, and of a Keyv or a Keyv store adapter. Named by
 * their methods, since the classes have other types for CommonJS than for ES modules.
 */
export type SessionCache = Pick<Cache, 'get' | 'set' | 'del' | 'on'>;
export type KeyvLike = Record<'get' | 'set' | 'delete' | 'clear', (...args: never[]) => unknown>;
