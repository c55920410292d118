import { CacheAccess } from '../cache-access.js';
import { lazyLife } from '../lazy-renewal.js';
import type { SessionCache } from '../cache.js';
import { CLOCK_DIFFERENCE_MS } from '../session-keyv.js';
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

interface Settings {
  readonly timeout: number;
  readonly now: () => number;
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
    private readonly settings: Settings,
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
    // A copy with a higher revision shows that the move came too late and was not made.
    return moved && copy && copy.revision > moved.revision ? copy : (moved ?? copy);
  }

  write(key: string, record: TieredRecord, outlives?: number): Promise<void> {
    const text = encodeTiered(record);
    if (record.isFinal) return this.set(key + MOVED, text, this.tombstoneLife(outlives));
    return this.set(key + COPY, text, Math.max(1000, record.until - this.settings.now()));
  }

  end(key: string, outlives?: number): Promise<void> {
    return this.set(key + ENDED, 'ended', this.tombstoneLife(outlives));
  }

  drop(key: string): Promise<void> {
    const copy = key + COPY;
    return this.cache.runExclusive(copy, () => this.cache.delete(copy));
  }

  /** Tombstones and final records live longer than copies, to outlast late copies and clock differences. */
  private tombstoneLife(outlives = 0): number {
    const { timeout, now } = this.settings;
    return Math.max(lazyLife(timeout, timeout), outlives - now()) + CLOCK_DIFFERENCE_MS;
  }

  private set(key: string, text: string, milliseconds: number): Promise<void> {
    return this.cache.runExclusive(key, () => this.cache.set(key, text, milliseconds));
  }
}
