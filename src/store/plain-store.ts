import { randomBytes } from 'node:crypto';

import type { SessionStore, StoredText } from '../session/storage/store.js';
import { CacheAccess } from './cache-access.js';
import { isRenewalDue, lazyLife } from './lazy-renewal.js';
import type { SessionCache } from './cache.js';
import { CLOCK_DIFFERENCE_MS } from './session-keyv.js';

/** A session's value in the cache. A `text` of `null`: a tombstone. */
interface PlainRecord {
  readonly text: string | null;
  /** When its life ends, in milliseconds since 1970, by the clock of the process that wrote it. */
  readonly until: number;
  /** The process that wrote it. */
  readonly by?: string;
}

interface Settings {
  readonly timeout: number;
  readonly now: () => number;
}

/** Longer than any request takes that read the session before it was destroyed. */
const TOMBSTONE_SECONDS = 60;

/**
 * Sessions in a cache without compare-and-set: any store for which Keyv has an adapter. A record's text is
 * its version, and each write reads the record again first.
 *
 * Within one process nothing is lost, as a session's writers run one after another. Between processes
 * a moment remains between that read and the write: if two processes write to one session in it, one of the
 * writes can be lost, or a destroy undone. Stores with compare-and-set have no such moment.
 */
export class PlainSessionStore implements SessionStore {
  private readonly cache: CacheAccess;
  /** The id of this process. */
  private readonly id = randomBytes(6).toString('base64url');

  constructor(
    cache: SessionCache,
    private readonly settings: Settings,
  ) {
    this.cache = new CacheAccess(cache);
  }

  async find(key: string, renewTo = this.settings.timeout): Promise<StoredText | undefined> {
    const record = await this.read(key);
    if (!record) return undefined;
    const { text, until } = record;
    const left = until - this.settings.now();
    if (isRenewalDue(left, renewTo)) await this.renew(key, text, renewTo);
    if (renewTo > 0) return { text, version: text };
    return { text, version: text, lifeLeft: Math.max(0, left / 1000) };
  }

  create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    return this.cache.runExclusive(key, async () => {
      if (await this.read(key)) return 'taken';
      await this.write(key, text, lifeSeconds);
      return 'stored';
    });
  }

  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): Promise<'stored' | 'changed' | 'gone'> {
    return this.replace(key, version, 'stored', text, lifeSeconds);
  }

  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    return this.replace(key, version, 'removed', null, TOMBSTONE_SECONDS);
  }

  private replace<Done>(
    key: string,
    version: string,
    done: Done,
    text: string | null,
    lifeSeconds: number,
  ): Promise<Done | 'changed' | 'gone'> {
    return this.cache.runExclusive(key, async () => {
      const record = await this.read(key);
      if (!record) return 'gone';
      if (record.text !== version) return 'changed';
      await this.write(key, text, lifeSeconds);
      return done;
    });
  }

  private async renew(key: string, text: string, lifeSeconds: number): Promise<void> {
    await this.replace(key, text, 'renewed', text, lifeSeconds);
  }

  private write(key: string, text: string | null, lifeSeconds: number): Promise<void> {
    const life = lazyLife(lifeSeconds, this.settings.timeout);
    const record: PlainRecord = { text, until: this.settings.now() + life, by: this.id };
    return this.cache.set(key, record, life);
  }

  private async read(key: string): Promise<{ text: string; until: number } | undefined> {
    const value = await this.cache.get(key);
    if (!isPlainRecord(value) || value.text === null || this.hasEnded(value)) return undefined;
    return { text: value.text, until: value.until };
  }

  private hasEnded({ until, by }: PlainRecord): boolean {
    return this.settings.now() >= until + (by === this.id ? 0 : CLOCK_DIFFERENCE_MS);
  }
}

function isPlainRecord(value: unknown): value is PlainRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { text, until } = value as Partial<PlainRecord>;
  return (typeof text === 'string' || text === null) && Number.isFinite(until);
}
