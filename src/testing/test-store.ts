import { setTimeout as delay } from 'node:timers/promises';

import { createCache } from 'cache-manager';

import type { SessionStore, StoredText } from '../session/storage/store.js';
import { SessionStoreError } from '../session/errors.js';
import { WriteRecord } from '../store/atomic-record.js';
import { AtomicSessionStore } from '../store/atomic-store.js';
import { keyvOver } from '../store/keyv-over.js';
import { MemoryAdapter } from '../store/memory/adapter.js';

/**
 * Stores sessions in memory, with all guarantees of sessions in memcached, and simulates faults. A fault
 * lasts until `recover()`.
 */
export class TestStore implements SessionStore {
  private readonly adapter: MemoryAdapter;
  private readonly store: SessionStore;
  private fault: (() => Promise<void>) | undefined;
  private conflicts = 0;

  constructor(now: () => number) {
    this.adapter = new MemoryAdapter({ now, onEvict: () => undefined });
    this.store = new AtomicSessionStore(createCache({ stores: [keyvOver(this.adapter)] }));
  }

  /** The idle timeout to which a read renews a session, in seconds. */
  renewTo(timeout: number): void {
    this.adapter.holdRecords('', timeout);
  }

  /** Stores a record synchronously, even during a fault. */
  put(key: string, text: string, lifeSeconds: number): void {
    void this.adapter.set(key, { value: new WriteRecord(text) }, lifeSeconds * 1000);
  }

  /** Makes every operation fail at once, as if no server were listening. */
  fail(): void {
    this.fault = () => Promise.reject(outage('connect ECONNREFUSED'));
  }

  /** Makes every operation fail after that many milliseconds, as if the server hung. Default 500. */
  hang(milliseconds = 500): void {
    this.fault = async () => {
      await delay(milliseconds);
      throw outage(`no answer within ${milliseconds} ms`);
    };
  }

  /**
   * The next `times` updates of a session find that another process has just changed it. 50 in a row
   * lead to a `SessionConflictError`.
   */
  conflict(times = 1): void {
    this.conflicts = times;
  }

  /** Forgets all sessions, like a memcached that is restarted. */
  async lose(): Promise<void> {
    await this.adapter.clear();
  }

  /** Ends all faults. */
  recover(): void {
    this.fault = undefined;
    this.conflicts = 0;
  }

  async find(...args: Parameters<SessionStore['find']>): Promise<StoredText | undefined> {
    await this.fault?.();
    return this.store.find(...args);
  }

  async create(...args: Parameters<SessionStore['create']>): Promise<'stored' | 'taken'> {
    await this.fault?.();
    return this.store.create(...args);
  }

  async update(
    ...args: Parameters<SessionStore['update']>
  ): Promise<'stored' | 'changed' | 'gone'> {
    await this.fault?.();
    if (this.conflicts-- > 0) return 'changed';
    return this.store.update(...args);
  }

  async remove(
    ...args: Parameters<SessionStore['remove']>
  ): Promise<'removed' | 'changed' | 'gone'> {
    await this.fault?.();
    return this.store.remove(...args);
  }
}

function outage(reason: string): SessionStoreError {
  return new SessionStoreError({ cause: new Error(reason) });
}
