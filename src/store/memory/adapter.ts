import type { KeyvStoreAdapter, StoredData } from 'keyv';

import {
  readKey,
  ReadRecord,
  RecordRefused,
  WriteRecord,
  type AtomicAdapter,
} from '../atomic-record.js';

/** The most sessions in a process, and the most characters of all their records together. */
const MAX_SESSIONS = 50_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;

interface Settings {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called when a session is evicted because the memory is full. */
  readonly onEvict: () => void;
  maxSessions?: number;
}

/**
 * Sessions in the memory of the process: the default, which needs no server. It has the same guarantees as
 * memcached, within one process. Its size is limited: the least recently used sessions are evicted first, and
 * signed-in ones only if there are no others.
 */
export class MemoryAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  readonly servers = [];
  readonly mayGetServersBack = false;
  private readonly records: RecentRecords;
  private lifeSeconds = 0;
  private lastVersion = 0;

  constructor(settings: Settings) {
    this.records = new RecentRecords(settings.maxSessions ?? MAX_SESSIONS, settings);
  }

  watch(): void {
    // No server to watch.
  }

  diagnose(): Promise<[]> {
    return Promise.resolve([]);
  }

  holdRecords(_keyPrefix: string, lifeSeconds: number): void {
    this.lifeSeconds = lifeSeconds;
  }

  get<Value>(keyToRead: string): Promise<StoredData<Value> | undefined> {
    const parsed = readKey(keyToRead);
    const { key, renewTo } = parsed ?? { key: keyToRead, renewTo: this.lifeSeconds };
    const record = this.records.get(key);
    if (!record) return Promise.resolve(undefined);
    if (renewTo > 0) this.records.set(key, record, renewTo * 1000);
    const { text, version } = record;
    const found = renewTo > 0 ? record : new ReadRecord(text, version, this.records.lifeLeft(key));
    return Promise.resolve({ value: found as Value });
  }

  async set(key: string, { value }: { value: unknown }, ttl: number): Promise<void> {
    if (!(value instanceof WriteRecord)) throw new TypeError('this store holds sessions only');
    const { text, version, hints } = value;
    const present = this.records.get(key);
    if (version === undefined && present) throw new RecordRefused('taken');
    if (version !== undefined && !present) throw new RecordRefused('gone');
    if (version !== present?.version) throw new RecordRefused('changed');
    if (text === null) this.records.delete(key);
    else
      this.records.set(
        key,
        new ReadRecord(text, String(++this.lastVersion)),
        ttl,
        hints?.isSignedIn,
      );
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

interface KeptRecord {
  readonly record: ReadRecord;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

type Records = Map<string, KeptRecord>;

/** Records in the order in which they were last stored or renewed: the order of a `Map`. */
class RecentRecords {
  private readonly signedIn: Records = new Map();
  private readonly others: Records = new Map();
  private characters = 0;

  constructor(
    private readonly maxRecords: number,
    private readonly settings: Settings,
  ) {}

  get(key: string): ReadRecord | undefined {
    const kept = this.kept(key);
    if (!kept || !this.hasEnded(kept)) return kept?.record;
    this.delete(key);
    return undefined;
  }

  /** Seconds. */
  lifeLeft(key: string): number {
    return ((this.kept(key)?.endsAt ?? 0) - this.settings.now()) / 1000;
  }

  /**
   * `isSignedIn`: absent, it stays as it was.
   *
   * @throws RangeError if the record is larger than the limit of all records; nothing is changed then
   */
  set(key: string, record: ReadRecord, ttl: number, isSignedIn = this.signedIn.has(key)): void {
    const size = sizeOf(key, record);
    if (size > MAX_CHARACTERS) throw new RangeError('larger than the memory for all sessions');
    this.delete(key);
    const records = isSignedIn ? this.signedIn : this.others;
    records.set(key, { record, endsAt: this.settings.now() + ttl });
    this.characters += size;
    this.enforceLimits();
  }

  delete(key: string): boolean {
    const kept = this.kept(key);
    if (!kept) return false;
    this.characters -= sizeOf(key, kept.record);
    return this.signedIn.delete(key) || this.others.delete(key);
  }

  clear(): void {
    this.signedIn.clear();
    this.others.clear();
    this.characters = 0;
  }

  private kept(key: string): KeptRecord | undefined {
    return this.signedIn.get(key) ?? this.others.get(key);
  }

  private get isFull(): boolean {
    const count = this.signedIn.size + this.others.size;
    return count > this.maxRecords || this.characters > MAX_CHARACTERS;
  }

  /**
   * Removes the oldest records that have ended, up to the first that has not, and more if the memory is full.
   * The record that was just stored stays.
   */
  private enforceLimits(): void {
    this.dropEnded(this.others);
    this.dropEnded(this.signedIn);
    while (this.isFull) {
      const oldest = this.others.size > 1 || this.signedIn.size === 0 ? this.others : this.signedIn;
      for (const [key] of oldest) {
        this.delete(key);
        break;
      }
      this.settings.onEvict();
    }
  }

  private dropEnded(records: Records): void {
    for (const [key, kept] of records) {
      if (!this.hasEnded(kept)) return;
      this.delete(key);
    }
  }

  private hasEnded({ endsAt }: KeptRecord): boolean {
    return this.settings.now() >= endsAt;
  }
}

function sizeOf(key: string, { text }: ReadRecord): number {
  return key.length + text.length;
}
