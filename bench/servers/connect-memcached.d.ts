/** The package has no types of its own. */
declare module 'connect-memcached' {
  import type session from 'express-session';

  interface MemcachedStoreOptions {
    hosts: string[];
    /** Before each session id. Default: none. */
    prefix?: string;
  }

  type MemcachedStore = new (options: MemcachedStoreOptions) => session.Store;

  export default function connectMemcached(express: typeof session): MemcachedStore;
}
