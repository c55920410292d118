import { retryOnConflict } from '../../session/storage/compare-and-set.js';
import type { SessionStore } from '../../session/storage/store.js';
import type { SessionCopies } from './copies.js';
import { lifeOfCopy, lifeOfTombstone, type CopySettings } from './copy-life.js';
import { decodeTiered, encodeTiered, type TieredRecord } from './record.js';

const ENDED = 'T1 ended\n';

/**
 * Copies in a store with compare-and-set: one record per session. A tombstone is never overwritten.
 */
export class StoredCopies implements SessionCopies {
  constructor(
    private readonly store: SessionStore,
    private readonly settings: CopySettings,
  ) {}

  async read(key: string): Promise<TieredRecord | undefined> {
    const found = await this.store.find(key, 0);
    return found && decodeTiered(found.text);
  }

  write(key: string, record: TieredRecord, outlives?: number): Promise<void> {
    const life = lifeOfCopy(this.settings, record, outlives);
    return this.replace(key, encodeTiered(record), life, (present) => !isAbove(present, record));
  }

  end(key: string, outlives?: number): Promise<void> {
    return this.replace(key, ENDED, lifeOfTombstone(this.settings, outlives), () => true);
  }

  /** Does nothing: the tombstone or the final record has replaced the copy. */
  drop(): Promise<void> {
    return Promise.resolve();
  }

  private async replace(
    key: string,
    text: string,
    milliseconds: number,
    mayReplace: (present: TieredRecord) => boolean,
  ): Promise<void> {
    const { store } = this;
    const life = Math.ceil(milliseconds / 1000);
    await retryOnConflict<true>(async () => {
      const found = await store.find(key, 0);
      if (!found) return (await store.create(key, text, life)) === 'stored' || 'changed';
      if (found.text === ENDED) return true;
      const present = decodeTiered(found.text);
      if (present && !mayReplace(present)) return true;
      return (await store.update(key, text, found.version, life)) === 'stored' || 'changed';
    });
  }
}

/**
 * Whether the present record is newer. A copy with a higher revision than a final record shows that the move
 * came too late and was not made. Of two records of the same kind, the one that arrives last counts.
 */
function isAbove(present: TieredRecord, { revision, isFinal }: TieredRecord): boolean {
  if (present.isFinal === isFinal) return false;
  return present.isFinal ? present.revision >= revision : present.revision > revision;
}
