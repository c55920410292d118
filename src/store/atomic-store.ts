import type { RecordHints, SessionStore, StoredText } from '../session/storage/store.js';
import { SessionStoreError, SessionTooLargeError } from '../session/errors.js';
import type { SessionCache } from './cache.js';
import {
  keyToRead,
  ReadFailure,
  ReadRecord,
  RecordRefused,
  RecordTooLarge,
  WriteRecord,
} from './atomic-record.js';

/**
 * Sessions in a cache whose adapter supports compare-and-set: memcached, the process's memory, or a
 * `SessionStore`. Reading also renews, in the same round trip.
 */
export class AtomicSessionStore implements SessionStore {
  constructor(private readonly cache: SessionCache) {}

  find(key: string, renewTo?: number): Promise<StoredText | undefined> {
    const asked = renewTo === undefined ? key : keyToRead(key, renewTo);
    return this.cache.get<unknown>(asked).then(recordIn);
  }

  async create(
    key: string,
    text: string,
    lifeSeconds: number,
    hints?: RecordHints,
  ): Promise<'stored' | 'taken'> {
    const record = new WriteRecord(text, undefined, hints);
    const refused = await this.write(key, record, lifeSeconds);
    return refused ? 'taken' : 'stored';
  }

  async update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
    hints?: RecordHints,
  ): Promise<'stored' | 'changed' | 'gone'> {
    const record = new WriteRecord(text, version, hints);
    const refused = await this.write(key, record, lifeSeconds);
    if (!refused) return 'stored';
    return refused === 'gone' ? 'gone' : 'changed';
  }

  async remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    const refused = await this.write(key, new WriteRecord(null, version), 1);
    if (!refused) return 'removed';
    return refused === 'gone' ? 'gone' : 'changed';
  }

  private async write(
    key: string,
    record: WriteRecord,
    lifeSeconds: number,
  ): Promise<RecordRefused['reason'] | undefined> {
    try {
      await this.cache.set(key, record, lifeSeconds * 1000);
      return undefined;
    } catch (error) {
      if (error instanceof RecordRefused) return error.reason;
      if (error instanceof SessionTooLargeError) throw error;
      if (error instanceof RecordTooLarge) {
        const problem = `${error.message}, or lower maxBytes`;
        throw new SessionTooLargeError(Buffer.byteLength(record.text ?? ''), problem);
      }
      throw new SessionStoreError({ cause: error });
    }
  }
}

/** @throws SessionStoreError if the read has failed */
function recordIn(value: unknown): StoredText | undefined {
  if (value instanceof ReadFailure) throw new SessionStoreError({ cause: value.error });
  return value instanceof ReadRecord ? value : undefined;
}
