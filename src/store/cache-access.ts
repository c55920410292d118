import { SessionStoreError } from '../session/errors.js';
import { KeyedMutex } from '../session/storage/keyed-mutex.js';
import { BoundedCalls } from './bounded-calls.js';
import { DeadlineError, OverloadError } from './deadline-error.js';
import type { SessionCache } from './cache.js';

interface Read {
  error?: unknown;
}

/**
 * Calls of a cache that supports neither deadlines nor compare-and-set. Each rejects with a
 * `SessionStoreError` if the store fails or does not answer in time.
 */
export class CacheAccess {
  private readonly calls = new BoundedCalls();
  private readonly mutex = new KeyedMutex();
  private readonly reads = new Map<string, Set<Read>>();
  /** Keys whose last write has no answer after its deadline, and may still be made. */
  private readonly overdue = new Set<string>();

  constructor(private readonly cache: SessionCache) {
    cache.on('get', ({ key, error }) => {
      if (error === undefined) return;
      for (const read of this.reads.get(key) ?? []) read.error = error;
    });
  }

  /** Reads, and repeats the read if it fails at once. An outage is never reported as a missing value. */
  async get(key: string): Promise<unknown> {
    try {
      return await this.read(key);
    } catch (error) {
      if (error instanceof DeadlineError || error instanceof OverloadError)
        throw asStoreError(error);
    }
    // The client's connection may have been lost. Repeating a read is safe.
    return this.read(key).catch((error: unknown) => {
      throw asStoreError(error);
    });
  }

  set(key: string, value: unknown, milliseconds: number): Promise<void> {
    return this.write(key, () => this.cache.set(key, value, milliseconds));
  }

  delete(key: string): Promise<void> {
    return this.write(key, () => this.cache.del(key));
  }

  /**
   * Runs writers of a key one after another. If a write is late, later ones are refused until the store has
   * answered it, because it could undo them.
   */
  runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    return this.mutex.runExclusive(key, () => {
      if (!this.overdue.has(key)) return work();
      const cause = new Error('an earlier write of the same key has not been answered yet');
      return Promise.reject(new SessionStoreError({ cause }));
    });
  }

  /**
   * `cache.get()` returns `undefined` on an error and reports it only by an event, which names the key but
   * not the call. So the error counts for all reads of that key that are in progress.
   */
  private async read(key: string): Promise<unknown> {
    const read: Read = {};
    const reads = this.reads.get(key) ?? new Set();
    this.reads.set(key, reads.add(read));
    try {
      const value = await this.calls.run(() => this.cache.get<unknown>(key));
      if (value === undefined && 'error' in read) throw read.error;
      return value;
    } finally {
      reads.delete(read);
      if (reads.size === 0 && this.reads.get(key) === reads) this.reads.delete(key);
    }
  }

  private async write(key: string, call: () => Promise<unknown>): Promise<void> {
    let answer: Promise<unknown> | undefined;
    try {
      await this.calls.run(() => (answer = call()));
    } catch (error) {
      if (error instanceof DeadlineError && answer) this.markOverdue(key, answer);
      throw asStoreError(error);
    }
  }

  private markOverdue(key: string, answer: Promise<unknown>): void {
    this.overdue.add(key);
    const unmark = () => this.overdue.delete(key);
    answer.then(unmark, unmark);
  }
}

function asStoreError(error: unknown): SessionStoreError {
  return error instanceof SessionStoreError ? error : new SessionStoreError({ cause: error });
}
