import type { KeyvStoreAdapter, StoredData } from 'keyv';
import { LRUCache } from 'lru-cache';

import {
  readKey,
  ReadRecord,
  RecordRefused,
  WriteRecord,
  type AtomicAdapter,
} from '../atomic-record.js';

/** As many sessions as a process may hold, and the characters of all their records together. */
const MAX_SESSIONS = 50_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;

interface Settings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A session had to go before its time, as the memory is full. */
  readonly onEvict: () => void;
  maxSessions?: number;
}

/**
 * Sessions in the memory of the process: the default, for a start without any server. Bounded, the
 * least recently used goes first; with the same guarantees as memcached, within one process.
 */
export class MemoryAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  readonly servers = [];
  readonly rehashes = false;
  private readonly records: LRUCache<string, ReadRecord>;
  private lifeSeconds = 0;
  private lastVersion = 0;

  constructor(settings: Settings) {
    this.records = new LRUCache({
      max: settings.maxSessions ?? MAX_SESSIONS,
      maxSize: MAX_CHARACTERS,
      sizeCalculation: ({ text }, key) => text.length + key.length,
      perf: { now: () => settings.now() },
      ttlResolution: 0,
      dispose: (_record, _key, reason) => {
        if (reason === 'evict') settings.onEvict();
      },
    });
  }

  holdRecords(_keyPrefix: string, lifeSeconds: number): void {
    this.lifeSeconds = lifeSeconds;
  }

  get<Value>(asked: string): Promise<StoredData<Value> | undefined> {
    const told = readKey(asked);
    const { key, renewTo } = told ?? { key: asked, renewTo: this.lifeSeconds };
    const record = renewTo === 0 ? this.records.peek(key) : this.records.get(key);
    if (!record) return Promise.resolve(undefined);
    if (renewTo > 0) this.records.set(key, record, { ttl: lifeOf(renewTo * 1000) });
    return Promise.resolve({ value: record as Value });
  }

  async set(key: string, { value }: { value: unknown }, ttl: number): Promise<void> {
    if (!(value instanceof WriteRecord)) throw new TypeError('this store holds sessions only');
    const { text, version } = value;
    const present = this.records.get(key);
    if (version === undefined && present) throw new RecordRefused('taken');
    if (version !== undefined && !present) throw new RecordRefused('gone');
    if (version !== present?.version) throw new RecordRefused('changed');
    if (text === null) this.records.delete(key);
    else {
      this.records.set(key, new ReadRecord(text, String(++this.lastVersion)), {
        ttl: lifeOf(ttl),
      });
      if (!this.records.has(key)) throw new RangeError('larger than the memory for all sessions');
    }
    return Promise.resolve();
  }

  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.records.delete(key));
  }

  clear(): Promise<void> {
    this.records.clear();
    return Promise.resolve();
  }

  on(): this {
    return this;
  }
}

/** To lru-cache a record is still there in the very millisecond in which its life ends. */
function lifeOf(ttl: number): number {
  return ttl - 1;
}
