import { SessionStoreError } from '../../session/session.errors.js';
import { CacheReads } from '../cache-reads.js';
import { DEFAULT_OPERATION_TIMEOUT, within } from '../deadline.js';
import type { SessionCache } from '../session-cache.js';
import { decodeTiered, encodeTiered, type TieredRecord } from './tiered-record.js';
import { Turns } from '../../session/turns.js';

/** The copies of sessions in a durable store. Every method rejects with a `SessionStoreError` only. */
export interface SessionCopies {
  /** What there is of a session. `undefined`: nothing, or it has ended. */
  read(key: string): Promise<TieredRecord | undefined>;
  /** Keeps a record; a final one apart, where no late copy can take its place. */
  write(key: string, record: TieredRecord): Promise<void>;
  /** The last word on a session: whatever arrives later, it is over. */
  end(key: string): Promise<void>;
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

/** A last word outlives every copy that may still arrive, and the clocks that made it, by so much. */
const CLOCK_TOLERANCE_SECONDS = 3600;

/**
 * Copies in a cache that can only read and overwrite, such as Keyv over Postgres or SQLite. Nothing
 * here depends on the order in which writes arrive: a copy never touches a last word.
 */
export class CachedCopies implements SessionCopies {
  private readonly reads: CacheReads;
  private readonly turns = new Turns();

  constructor(
    private readonly cache: SessionCache,
    private readonly settings: Settings,
  ) {
    this.reads = new CacheReads(cache);
  }

  async read(key: string): Promise<TieredRecord | undefined> {
    const [ended, ...others] = await Promise.all([
      this.reads.get(key + ENDED),
      this.reads.get(key + MOVED),
      this.reads.get(key + COPY),
    ]);
    if (ended !== undefined) return undefined;
    const [moved, copy] = others.map(decodeTiered);
    // A copy above it tells that the move came too late, and was not made.
    return moved && copy && copy.revision > moved.revision ? copy : (moved ?? copy);
  }

  write(key: string, record: TieredRecord): Promise<void> {
    const text = encodeTiered(record);
    if (record.isFinal) return this.set(key + MOVED, text, this.lastWordSeconds);
    const seconds = Math.max(1, (record.until - this.settings.now()) / 1000);
    return this.set(key + COPY, text, seconds);
  }

  end(key: string): Promise<void> {
    return this.set(key + ENDED, 'ended', this.lastWordSeconds);
  }

  async drop(key: string): Promise<void> {
    await this.inTurn(key + COPY, () => this.cache.del(key + COPY));
  }

  private get lastWordSeconds(): number {
    return this.settings.timeout + CLOCK_TOLERANCE_SECONDS;
  }

  private set(key: string, text: string, seconds: number): Promise<void> {
    return this.inTurn(key, () => this.cache.set(key, text, seconds * 1000));
  }

  /**
   * The caller waits for the time-out at most. The turn lasts until the store has answered, so that
   * what this process writes arrives in its order; what has not begun by then is not written.
   */
  private async inTurn(key: string, work: () => Promise<unknown>): Promise<void> {
    let isLate = false;
    const turn = this.turns.take(key, async () => {
      if (!isLate) await work();
    });
    try {
      await within(DEFAULT_OPERATION_TIMEOUT, turn);
    } catch (error) {
      isLate = true;
      throw new SessionStoreError({ cause: error });
    }
  }
}
