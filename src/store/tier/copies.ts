import { CacheAccess } from '../cache-access.js';
import { lazyLife } from '../lazy-renewal.js';
import type { SessionCache } from '../cache.js';
import { CLOCK_DIFFERENCE_MS } from '../session-keyv.js';
import { decodeTiered, encodeTiered, type TieredRecord } from './record.js';

/** The copies of sessions in a durable store. Every method rejects with a `SessionStoreError` only. */
export interface SessionCopies {
  /** What there is of a session. `undefined`: nothing, or it has ended. */
  read(key: string): Promise<TieredRecord | undefined>;
  /**
   * Keeps a record; a final one apart, where no late copy can take its place, and until after the copies of
   * what it replaces, which live until `outlives`.
   */
  write(key: string, record: TieredRecord, outlives?: number): Promise<void>;
  /** The last word on a session: whatever arrives later, it is over. `outlives`: as of `write`. */
  end(key: string, outlives?: number): Promise<void>;
  /** Takes away what the session held. */
  drop(key: string): Promise<void>;
}

interface Settings {
  readonly timeout: number;
  readonly now: () => number;
}

/** What is kept of one session, under keys of their own, as the store can only overwrite. */
const COPY = '.copy';
const MOVED = '.moved';
const ENDED = '.ended';

/**
 * Copies in a cache that can only read and overwrite, such as Keyv over Postgres or SQLite. Nothing
 * here depends on the order in which writes arrive: a copy never touches a last word.
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
    // A copy above it tells that the move came too late, and was not made.
    return moved && copy && copy.revision > moved.revision ? copy : (moved ?? copy);
  }

  write(key: string, record: TieredRecord, outlives?: number): Promise<void> {
    const text = encodeTiered(record);
    if (record.isFinal) return this.set(key + MOVED, text, this.lastWordLife(outlives));
    return this.set(key + COPY, text, Math.max(1000, record.until - this.settings.now()));
  }

  end(key: string, outlives?: number): Promise<void> {
    return this.set(key + ENDED, 'ended', this.lastWordLife(outlives));
  }

  drop(key: string): Promise<void> {
    const copy = key + COPY;
    return this.cache.inTurn(copy, () => this.cache.delete(copy));
  }

  /** A last word outlives every copy that may still arrive, and the clocks that made it. */
  private lastWordLife(outlives = 0): number {
    const { timeout, now } = this.settings;
    return Math.max(lazyLife(timeout, timeout), outlives - now()) + CLOCK_DIFFERENCE_MS;
  }

  private set(key: string, text: string, milliseconds: number): Promise<void> {
    return this.cache.inTurn(key, () => this.cache.set(key, text, milliseconds));
  }
}
