import { createHash } from 'node:crypto';

import { retryOnConflict } from '../../session/storage/compare-and-set.js';
import type { SessionStore } from '../../session/storage/store.js';

/** How long a value without a time to live is kept: a year, in seconds. */
const FOR_GOOD = 365 * 24 * 60 * 60;

/** The application's own cached values in a session store. The last write wins. */
export class CachedValues {
  constructor(private readonly store: SessionStore) {}

  /** Returns the value as JSON. */
  async get(key: string): Promise<string | undefined> {
    return (await this.store.find(safeKey(key), 0))?.text;
  }

  async set(key: string, value: unknown, ttl?: number): Promise<void> {
    const { store } = this;
    const safe = safeKey(key);
    const text = JSON.stringify(value) ?? 'null';
    const life = ttl === undefined ? FOR_GOOD : Math.max(1, Math.ceil(ttl / 1000));
    await retryOnConflict<true>(async () => {
      const found = await store.find(safe, 0);
      const result = found
        ? await store.update(safe, text, found.version, life)
        : await store.create(safe, text, life);
      return result === 'stored' ? true : 'changed';
    });
  }

  async delete(key: string): Promise<boolean> {
    const { store } = this;
    const safe = safeKey(key);
    return retryOnConflict<boolean>(async () => {
      const found = await store.find(safe, 0);
      if (!found) return false;
      const result = await store.remove(safe, found.version);
      return result === 'changed' ? 'changed' : result === 'removed';
    });
  }
}

/** Hashes a key that the contract does not allow. */
function safeKey(key: string): string {
  if (/^[\x21-\x7e]{1,250}$/.test(key)) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}
