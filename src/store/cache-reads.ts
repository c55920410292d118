import { SessionStoreError } from '../session/session.errors.js';
import { DEFAULT_OPERATION_TIMEOUT, within } from './deadline.js';
import type { SessionCache } from './session-cache.js';

interface Read {
  error?: unknown;
}

/**
 * Reads from a cache and tells an outage from a missing value. `cache.get()` answers `undefined` to
 * both and tells of errors by an event only, which names the key but not the call: it counts for
 * all reads of that key that are under way.
 */
export class CacheReads {
  private readonly underWay = new Map<string, Set<Read>>();

  constructor(private readonly cache: SessionCache) {
    cache.on('get', ({ key, error }) => {
      if (error === undefined) return;
      for (const read of this.underWay.get(key) ?? []) read.error = error;
    });
  }

  async get(key: string): Promise<unknown> {
    const read: Read = {};
    const reads = this.underWay.get(key) ?? new Set();
    this.underWay.set(key, reads.add(read));
    try {
      const value = await within(DEFAULT_OPERATION_TIMEOUT, this.cache.get<unknown>(key));
      if (value === undefined && 'error' in read) throw read.error;
      return value;
    } catch (error) {
      throw new SessionStoreError({ cause: error });
    } finally {
      reads.delete(read);
      if (reads.size === 0 && this.underWay.get(key) === reads) this.underWay.delete(key);
    }
  }
}
