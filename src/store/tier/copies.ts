import { CacheAccess } from '../cache-access.js';
import type { SessionCache } from '../cache.js';
import { lifeOfCopy, lifeOfTombstone, newestOf, type CopySettings } from './copy-life.js';
import { decodeTiered, encodeTiered, type TieredRecord } from './record.js';

/** The copies of sessions in a durable store. Every method rejects with a `SessionStoreError` only. */
export interface SessionCopies {
  /** Reads a session's copy. `undefined`: there is none, or the session has ended. */
  read(key: string): Promise<TieredRecord | undefined>;
  /**
   * Stores a copy. A late copy never replaces a final record, which outlives the copies of what it replaces:
   * they live until `outlives`.
   */
  write(key: string, record: TieredRecord, outlives?: number): Promise<void>;
  /** Stores a tombstone: the session has ended, whatever copies arrive later. `outlives`: as of `write`. */
  end(key: string, outlives?: number): Promise<void>;
  /** Takes away what the session held. */
  drop(key: string): Promise<void>;
}

/**
 * Suffixes of a session's keys. Copy, final record and tombstone have separate keys, as the store can
 * only overwrite.
 */
const COPY = '.copy';
const MOVED = '.moved';
const ENDED = '.ended';

/**
 * Copies in a cache that can only read and overwrite, such as Keyv over Postgres or SQLite. Writes may
 * arrive in any order: a copy never replaces a tombstone or a final record.
 */
export class CachedCopies implements SessionCopies {
  private readonly cache: CacheAccess;

  constructor(
    cache: SessionCache,
    private readonly settings: CopySettings,
  ) {
    this.cache = new CacheAccess(cache);
  }

  async read(key: string): Promise<TieredRecord | undefined> {
    const [ended, ...others] = await Promise.all([
      this.cache.get(key + ENDED),
      this.cache.get(key + MOVED),
      this.cache.get(key + COPY),
    ]);
    if (ended !== undefined) return undefined;
    const [moved, copy] = others.map(decodeTiered);
    return newestOf(moved, copy);
  }

  write(key: string, record: TieredRecord, outlives?: number): Promise<void> {
    const life = lifeOfCopy(this.settings, record, outlives);
    return this.set(key + (record.isFinal ? MOVED : COPY), encodeTiered(record), life);
  }

  end(key: string, outlives?: number): Promise<void> {
    return this.set(key + ENDED, 'ended', lifeOfTombstone(this.settings, outlives));
  }

  drop(key: string): Promise<void> {
    const copy = key + COPY;
    return this.cache.runExclusive(copy, () => this.cache.delete(copy));
  }

  private set(key: string, text: string, milliseconds: number): Promise<void> {
    return this.cache.runExclusive(key, () => this.cache.set(key, text, milliseconds));
  }
}
