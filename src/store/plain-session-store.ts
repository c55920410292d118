import type { SessionStore, StoredText } from '../session/session-store.js';
import { SessionStoreError } from '../session/session.errors.js';
import { CacheReads } from './cache-reads.js';
import { DEFAULT_OPERATION_TIMEOUT, within } from './deadline.js';
import type { SessionCache } from './session-cache.js';
import { Turns } from './turns.js';

/** What is cached for a session; `null` is a tombstone. */
interface PlainRecord {
  readonly text: string | null;
  /** When its life ends, in milliseconds since 1970. */
  readonly until: number;
}

type Write = (text: string | null, lifeSeconds: number) => Promise<void>;

interface Settings {
  readonly timeout: number;
  readonly now: () => number;
}

/** Renewal is a write here: it waits until so much of the idle timeout has passed. */
const RENEW_AFTER = 0.1;

/** Longer than any request that read the session before it was destroyed should take. */
const TOMBSTONE_SECONDS = 60;

/**
 * Sessions in a cache that cannot compare and set: Redis, Postgres, SQLite or whatever Keyv has an
 * adapter for. What the record was when read is its version; each write reads it again first.
 *
 * Within one process nothing is lost, as the writers of a session take turns. Between processes
 * there remains the moment between that reading and the write: two processes that write to one
 * session within it can lose one of the writes, or undo a destroy. With memcached there is none.
 */
export class PlainSessionStore implements SessionStore {
  private readonly reads: CacheReads;
  private readonly turns = new Turns();

  constructor(
    private readonly cache: SessionCache,
    private readonly settings: Settings,
  ) {
    this.reads = new CacheReads(cache);
  }

  async find(key: string, renewTo = this.settings.timeout): Promise<StoredText | undefined> {
    const record = await this.read(key);
    if (!record) return undefined;
    if (this.isRenewalDue(record, renewTo)) await this.renew(key, record.text, renewTo);
    return { text: record.text, version: record.text };
  }

  create(key: string, text: string, lifeSeconds: number): Promise<'stored' | 'taken'> {
    return this.inTurn(key, async (write) => {
      if (await this.read(key)) return 'taken';
      await write(text, lifeSeconds);
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
    return this.inTurn(key, async (write) => {
      const record = await this.read(key);
      if (!record) return 'gone';
      if (record.text !== version) return 'changed';
      await write(text, lifeSeconds);
      return done;
    });
  }

  private async renew(key: string, text: string, lifeSeconds: number): Promise<void> {
    await this.replace(key, text, 'renewed', text, lifeSeconds);
  }

  /**
   * The caller waits for the time-out at most. The turn lasts until the store has answered, so that a
   * write which comes late does not undo a later one; what has not begun to be written by then is not.
   */
  private async inTurn<T>(key: string, work: (write: Write) => Promise<T>): Promise<T> {
    let isLate = false;
    const write: Write = async (text, lifeSeconds) => {
      if (isLate) throw new Error('too late to be written');
      await this.cache.set(key, this.recordOf(text, lifeSeconds), lifeSeconds * 1000);
    };
    try {
      return await within(
        DEFAULT_OPERATION_TIMEOUT,
        this.turns.take(key, () => work(write)),
      );
    } catch (error) {
      isLate = true;
      throw error instanceof SessionStoreError ? error : new SessionStoreError({ cause: error });
    }
  }

  private isRenewalDue({ until }: PlainRecord, lifeSeconds: number): boolean {
    return until - this.settings.now() < lifeSeconds * 1000 * (1 - RENEW_AFTER);
  }

  private async read(key: string): Promise<{ text: string; until: number } | undefined> {
    const value = await this.reads.get(key);
    if (!isPlainRecord(value) || value.text === null || value.until <= this.settings.now()) {
      return undefined;
    }
    return { text: value.text, until: value.until };
  }

  private recordOf(text: string | null, lifeSeconds: number): PlainRecord {
    return { text, until: this.settings.now() + lifeSeconds * 1000 };
  }
}

function isPlainRecord(value: unknown): value is PlainRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { text, until } = value as Partial<PlainRecord>;
  return (typeof text === 'string' || text === null) && typeof until === 'number';
}
