import type { SessionStore } from '../../session/session-store.js';
import { SessionStoreError } from '../../session/session.errors.js';
import type { SessionCopies } from './session-copies.js';
import { encodeTiered, LEASE, nextRevision, type TieredRecord } from './tiered-record.js';

interface Settings {
  readonly timeout: number;
  readonly now: () => number;
  readonly onRestored: () => void;
}

/** Longer than reading the tier takes. One that runs out early costs another try, and nothing else. */
const LEASE_SECONDS = 60;

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
    const { timeout } = this.settings;
    const now = this.settings.now();
    if (!copy || copy.until <= now) return undefined;
    if (copy.isFinal) return copy;
    // Further ahead than that it was made by a clock that was ahead, and is made anew.
    const until = copy.until > now + timeout * 1000 ? 0 : copy.until;
    return { ...copy, until, revision: nextRevision(copy.revision, now) };
  }

  /** What is left of it, as whoever asked may be no use of the session. */
  private lifeOf({ until }: TieredRecord): number {
    const { timeout, now } = this.settings;
    const left = Math.ceil((until - now()) / 1000);
    return left > 0 ? Math.min(timeout, left) : timeout;
  }
}
