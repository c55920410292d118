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

/** Longer than reading the tier takes. One that runs out early costs another try, and nothing else. */
const LEASE_SECONDS = 60;

/** What the fast store may keep a record for too long, as its clock is a coarse one. */
const CLOCK_TICKS_MS = 10_000;

/** Each failed attempt means that somebody else was at it, or that the store lost the lease. */
const MAX_ATTEMPTS = 10;

/**
 * Brings sessions back from the tier that the fast store has lost.
 *
 * First a lease is put into the fast store, then the tier is read, then the record takes the lease's
 * place by compare-and-set. Whoever ends the session tells the tier first and the fast store second:
 * either the tier is read after that, or the lease is found, and taken away. So a process may stop
 * between any two steps, for however long, and brings nothing back that has ended meanwhile.
 */
export class SessionRestorer {
  private readonly underWay = new Map<string, Promise<boolean>>();
  /** How long a deadline of another process may have passed here while it has not there, and until when. */
  private clocks = { ahead: 0, until: -Infinity };

  constructor(
    private readonly fast: SessionStore,
    private readonly copies: SessionCopies,
    private readonly settings: Settings,
  ) {}

  /** Once for all who ask meanwhile. `false`: there is no such session. */
  restore(key: string): Promise<boolean> {
    const present = this.underWay.get(key);
    if (present) return present;
    const restoring = this.restoreAlone(key).finally(() => this.underWay.delete(key));
    this.underWay.set(key, restoring);
    return restoring;
  }

  /**
   * A record that the fast store, which ends it by one clock for all, still has. If it should have ended
   * long ago, this process's clock is ahead of another's, and what was lost is restored accordingly.
   */
  saw({ until, isFinal }: TieredRecord): void {
    const { timeout, now } = this.settings;
    const ahead = now() - until;
    if (ahead < CLOCK_TICKS_MS || isFinal || until === 0) return;
    const most = Math.min(CLOCK_DIFFERENCE_MS, ahead + lazyLife(timeout, timeout));
    this.clocks = { ahead: most, until: now() + 2 * timeout * 1000 };
  }

  private async restoreAlone(key: string): Promise<boolean> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      await this.fast.create(key, LEASE, LEASE_SECONDS);
      const lease = await this.fast.find(key);
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
    // Further ahead than that it was made by a clock that was ahead, and is made anew.
    const isOfOurClock = copy.until <= now + lazyLife(longestLife, longestLife);
    const until = isOfOurClock && copy.until > now ? copy.until : 0;
    return { ...copy, until, revision: nextRevision(copy.revision, now) };
  }

  /** What is left of it, as whoever asked may be no use of the session. */
  private lifeOf({ until }: TieredRecord): number {
    const { timeout, longestLife, now } = this.settings;
    const left = Math.ceil((until - now()) / 1000);
    return left > 0 ? Math.min(longestLife, left) : timeout;
  }
}
