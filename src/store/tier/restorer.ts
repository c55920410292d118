import type { SessionStore } from '../../session/storage/store.js';
import { SessionStoreError } from '../../session/errors.js';
import { lazyLife } from '../lazy-renewal.js';
import { CLOCK_DIFFERENCE_MS } from '../session-keyv.js';
import type { SessionCopies } from './copies.js';
import { encodeTiered, LEASE, nextRevision, type TieredRecord } from './record.js';

interface Settings {
  readonly timeout: number;
  /** The most that a session's own may be. */
  readonly longestLife: number;
  readonly now: () => number;
  readonly onRestored: () => void;
}

/** Longer than reading the tier takes. A lease that expires early only costs another attempt. */
const LEASE_SECONDS = 60;

/** How much longer the fast store may keep a record, as its clock is coarse. */
const CLOCK_TICKS_MS = 10_000;

/** Each failed attempt means that another process changed the key, or that the store lost the lease. */
const MAX_ATTEMPTS = 10;

/**
 * Restores sessions that the fast store has lost from the tier.
 *
 * First it stores a lease in the fast store, then reads the tier, then replaces the lease with the record
 * by compare-and-set. A request that ends the session writes to the tier first and to the fast store second:
 * either this process reads the tier after that, or the request finds the lease and removes it. So a process
 * may pause between any two steps for any time, and still never restores a session that ended meanwhile.
 */
export class SessionRestorer {
  private readonly restoring = new Map<string, Promise<boolean>>();
  /**
   * By how many milliseconds this clock may be ahead of another process's, and until when this is
   * assumed.
   */
  private clocks = { ahead: 0, until: -Infinity };

  constructor(
    private readonly fast: SessionStore,
    private readonly copies: SessionCopies,
    private readonly settings: Settings,
  ) {}

  /** Parallel calls for a key share one attempt. `false`: there is no such session. */
  restore(key: string): Promise<boolean> {
    const present = this.restoring.get(key);
    if (present) return present;
    const restoring = this.restoreAlone(key).finally(() => this.restoring.delete(key));
    this.restoring.set(key, restoring);
    return restoring;
  }

  /**
   * Called with each record read from the fast store, which ends records by one clock. If a record should
   * have ended long ago, this process's clock is ahead of another's; deadlines are then read accordingly.
   */
  observe({ until, isFinal }: TieredRecord): void {
    const { timeout, now } = this.settings;
    const ahead = now() - until;
    if (ahead < CLOCK_TICKS_MS || isFinal || until === 0) return;
    const most = Math.min(CLOCK_DIFFERENCE_MS, ahead + lazyLife(timeout, timeout));
    this.clocks = { ahead: most, until: now() + 2 * timeout * 1000 };
  }

  private async restoreAlone(key: string): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      await this.fast.create(key, LEASE, LEASE_SECONDS);
      // Another process may have stored the record by now: this read is no use of it.
      const lease = await this.fast.find(key, 0);
      if (!lease) continue;
      if (lease.text !== LEASE) return true;
      const record = this.restorable(await this.copies.read(key));
      if (!record) {
        if ((await this.fast.remove(key, lease.version)) !== 'changed') return false;
        continue;
      }
      const text = encodeTiered(record);
      const result = await this.fast.update(key, text, lease.version, this.lifeOf(record));
      if (result !== 'stored') continue;
      this.settings.onRestored();
      return true;
    }
    throw new SessionStoreError({ cause: new Error('the first store keeps losing the session') });
  }

  private restorable(copy: TieredRecord | undefined): TieredRecord | undefined {
    const { longestLife } = this.settings;
    const now = this.settings.now();
    const ahead = now < this.clocks.until ? this.clocks.ahead : 0;
    if (!copy || copy.until + ahead <= now) return undefined;
    if (copy.isFinal) return copy;
    // A deadline further ahead was set by a clock that was ahead; it is set anew.
    const isOfOurClock = copy.until <= now + lazyLife(longestLife, longestLife);
    const until = isOfOurClock && copy.until > now ? copy.until : 0;
    return { ...copy, until, revision: nextRevision(copy.revision, now) };
  }

  /** The rest of its life: the read that restores a session may not count as a use of it. */
  private lifeOf({ until }: TieredRecord): number {
    const { timeout, longestLife, now } = this.settings;
    const left = Math.ceil((until - now()) / 1000);
    return left > 0 ? Math.min(longestLife, left) : timeout;
  }
}
