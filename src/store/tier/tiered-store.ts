import { MAX_ATTEMPTS, retryOnConflict } from '../../session/storage/compare-and-set.js';
import type { RecordHints, SessionStore, StoredText } from '../../session/storage/store.js';
import { SessionStoreError, SessionStoreRefusal } from '../../session/errors.js';
import { isRenewalDue, lazyLife } from '../lazy-renewal.js';
import type { SessionCopies } from './copies.js';
import { SessionRestorer } from './restorer.js';
import { decodeTiered, encodeTiered, LEASE, nextRevision, type TieredRecord } from './record.js';

/** Events between the two stores. */
export interface TierListener {
  /** A write to the tier failed. */
  copyFailed(): void;
  /** A session that the fast store had lost was restored. */
  restored(): void;
}

/** `'required'`: a write that the tier refuses fails. `'besteffort'`: it succeeds, and is copied later. */
export type Durability = 'required' | 'besteffort';

interface Settings {
  /** Idle timeout in seconds. */
  readonly timeout: number;
  /** The most that a session's own may be. */
  readonly longestLife?: number | undefined;
  readonly now: () => number;
  readonly durable: Durability;
  readonly listener: TierListener;
}

/** After a failed renewal in the tier, no others are tried for this long. */
const RENEWAL_PAUSE_MS = 5_000;

/**
 * Sessions in a fast store, which is the authority, with a copy of each in a durable tier. The tier is read
 * only for sessions that the fast store has lost.
 *
 * A write goes to the fast store first, by compare-and-set, and then to the tier. A write that ends a
 * session or its id goes to the tier first, and fails if the tier fails.
 */
export class TieredSessionStore implements SessionStore {
  private readonly restorer: SessionRestorer;
  private renewalsFrom = -Infinity;

  constructor(
    private readonly fast: SessionStore,
    private readonly copies: SessionCopies,
    private readonly settings: Settings,
  ) {
    const { timeout, longestLife = timeout, now, listener } = settings;
    const onRestored = () => listener.restored();
    const settingsOfRestorer = { timeout, longestLife, now, onRestored };
    this.restorer = new SessionRestorer(fast, copies, settingsOfRestorer);
  }

  async find(key: string, renewTo?: number): Promise<StoredText | undefined> {
    const life = renewTo ?? this.settings.timeout;
    let mayRenew = life > 0;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const held = await this.fast.find(key, renewTo);
      const record = held && recordIn(held);
      if (record) this.restorer.observe(record);
      if (!record) {
        if (!(await this.restorer.restore(key))) return undefined;
      } else if (mayRenew && this.isRenewalDue(record, life)) {
        mayRenew = false;
        await this.renew(key, record, held.version, life);
      } else {
        const { lifeLeft } = held;
        return { text: record.text, version: `${record.revision}:${held.version}`, lifeLeft };
      }
    }
    throw new SessionStoreError({ cause: new Error('the first store keeps losing the session') });
  }

  /**
   * Does not read the tier: keys are never used twice. But other processes may know the key, such as that of
   * a user's index, and may change the record before its first copy arrives.
   */
  async create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    const record = this.recordOf(text, 0, lifeSeconds);
    if ((await this.fast.create(key, encodeTiered(record), lifeSeconds)) === 'taken') {
      return 'taken';
    }
    await this.copyUntilCurrent(key, record).catch(refuse);
    return 'stored';
  }

  async update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
    { isFinal = false }: RecordHints = {},
  ): Promise<'stored' | 'changed' | 'gone'> {
    const { revision, fastVersion } = readVersion(version);
    const live = this.recordOf(text, revision, lifeSeconds);
    const record = isFinal ? { ...live, revision, isFinal } : live;
    if (isFinal) {
      // If the record has changed since it was read, the tier's copy must stay.
      const held = await this.fast.find(key, 0);
      if (held?.version !== fastVersion) return (await this.find(key, 0)) ? 'changed' : 'gone';
      await this.reportFailure(this.copies.write(key, record, this.copiesUntil(held))).catch(
        refuse,
      );
    }
    const result = await this.fast.update(key, encodeTiered(record), fastVersion, lifeSeconds);
    if (result === 'gone' || (result === 'changed' && isFinal)) {
      // The fast store's record was removed or lost. If it was lost, the tier's copy now counts, maybe the
      // one that was just written.
      const found = await this.find(key, 0);
      return !found ? 'gone' : isFinal && found.text === text ? 'stored' : 'changed';
    }
    if (result === 'stored') await (isFinal ? this.drop(key) : this.copyUntilCurrent(key, record));
    return result;
  }

  async remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    const { fastVersion } = readVersion(version);
    const held = await this.fast.find(key, 0);
    if (held?.version !== fastVersion) return (await this.find(key, 0)) ? 'changed' : 'gone';
    await this.reportFailure(this.copies.end(key, this.copiesUntil(held)));
    const [result] = await Promise.all([this.fast.remove(key, fastVersion), this.drop(key)]);
    return result;
  }

  /** How long copies of the record may live. One whose write failed may still arrive. */
  private copiesUntil(held: StoredText): number {
    const { timeout, longestLife = timeout, now } = this.settings;
    return recordIn(held)?.until || now() + lazyLife(longestLife, timeout);
  }

  private isRenewalDue({ until, isFinal }: TieredRecord, lifeSeconds: number): boolean {
    const now = this.settings.now();
    return !isFinal && now >= this.renewalsFrom && isRenewalDue(until - now, lifeSeconds);
  }

  /** Does not fail the read if the tier fails. */
  private async renew(
    key: string,
    { text, revision }: TieredRecord,
    version: string,
    life: number,
  ): Promise<void> {
    const record = this.recordOf(text, revision, life);
    if ((await this.fast.update(key, encodeTiered(record), version, life)) !== 'stored') return;
    if (await this.copyUntilCurrent(key, record, true)) return;
    this.renewalsFrom = this.settings.now() + RENEWAL_PAUSE_MS;
  }

  /**
   * Copies the record, and again until the copy is current: copies of parallel writes may arrive in another
   * order than the writes. The process whose copy arrives last sees the newest record and copies that.
   */
  private copyUntilCurrent(key: string, stored: TieredRecord, mayFail?: boolean): Promise<boolean> {
    let written = stored;
    return retryOnConflict<boolean>(async () => {
      if (!(await this.copy(key, written, mayFail))) return false;
      const held = await this.fast.find(key, 0);
      const current = held && recordIn(held);
      if (current?.isFinal) await this.drop(key);
      if (!current || current.isFinal || current.revision === written.revision) return true;
      written = current;
      return 'changed';
    });
  }

  /** `false`: the tier failed, and the write does not require it. */
  private async copy(
    key: string,
    record: TieredRecord,
    mayFail = this.settings.durable === 'besteffort',
  ): Promise<boolean> {
    try {
      await this.reportFailure(this.copies.write(key, record));
      return true;
    } catch (error) {
      await this.markUncopied(key, record.revision).catch(() => undefined);
      if (mayFail) return false;
      throw error;
    }
  }

  /** Marks the record, so that the next request that reads it copies it. */
  private async markUncopied(key: string, revision: number): Promise<void> {
    const held = await this.fast.find(key, 0);
    const record = held && recordIn(held);
    if (record?.revision !== revision || record.isFinal) return;
    const text = encodeTiered({ ...record, until: 0 });
    const life = held!.lifeLeft ?? this.settings.timeout;
    await this.fast.update(key, text, held!.version, Math.max(1, Math.ceil(life)));
  }

  /** Errors are ignored: the copy of an ended session is never read again, and expires in the tier. */
  private drop(key: string): Promise<void> {
    return this.copies.drop(key).catch(() => undefined);
  }

  private async reportFailure(writing: Promise<void>): Promise<void> {
    try {
      await writing;
    } catch (error) {
      this.settings.listener.copyFailed();
      throw error;
    }
  }

  private recordOf(text: string, revision: number, lifeSeconds: number): TieredRecord {
    const now = this.settings.now();
    const until = now + lazyLife(lifeSeconds, this.settings.timeout);
    return { revision: nextRevision(revision, now), until, isFinal: false, text };
  }
}

function refuse(error: unknown): never {
  throw new SessionStoreRefusal({ cause: error });
}

/** `undefined`: a lease. A record that was stored before there was a tier counts as not copied yet. */
function recordIn({ text }: StoredText): TieredRecord | undefined {
  if (text === LEASE) return undefined;
  return decodeTiered(text) ?? { revision: 0, until: 0, isFinal: false, text };
}

function readVersion(version: string): { revision: number; fastVersion: string } {
  const at = version.indexOf(':');
  return { revision: Number(version.slice(0, at)), fastVersion: version.slice(at + 1) };
}
