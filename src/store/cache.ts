import type { Cache } from 'cache-manager';

/**
 * The methods of a cache-manager cache, and of a Keyv or a Keyv store adapter, that sessions need. The
 * classes themselves have different types for CommonJS and ES modules.
 */
export type SessionCache = Pick<Cache, 'get' | 'set' | 'del' | 'on'>;
export type KeyvLike = Record<'get' | 'set' | 'delete' | 'clear', (...args: never[]) => unknown>;
