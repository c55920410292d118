import { recordSeal, type RecordSeal } from './record-seal.js';
import { absoluteDeadline, lifeSeconds, type SessionPolicy } from './session-policy.js';
import {
  decodeRecord,
  encodeForwarder,
  encodeRecord,
  type RenewalGrace,
  type SessionForwarder,
  type SessionRecord,
} from './session-record.js';
import type { SessionStore } from './session-store.js';
import { SessionTooLargeError } from './session.errors.js';

/** A record as found, and the version to change it by. */
export interface FoundRecord {
  readonly record: SessionRecord;
  readonly version: string;
}

/** A session's way from one key to another. */
export interface Forwarding {
  readonly from: string;
  readonly to: string;
  /** Of the record that was copied. */
  readonly version: string;
  readonly grace?: RenewalGrace | undefined;
}

/**
 * Long enough for the requests that were under way when a session got its new id; to all others the
 * old id is no session from the first moment on.
 */
const FORWARDER_SECONDS = 300;

/** How far ahead another machine's clock, or this one's before it was set back, may have been. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/** Records in and out of the store: their format, their size, and the deadlines within them. */
export class SessionRecords {
  private readonly seal: RecordSeal;

  constructor(
    private readonly store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.seal = recordSeal(policy.secrets);
  }

  /** `renewTo`: as of the store. */
  async find(key: string, renewTo?: number): Promise<FoundRecord | SessionForwarder | undefined> {
    const found = await this.store.find(key, renewTo);
    if (!found) return undefined;
    const text = this.seal.open(key, found.text);
    const record = text === undefined ? undefined : decodeRecord(text);
    if (!record) {
      this.policy.warn('A stored record could not be read as a session; it is ignored.');
      return undefined;
    }
    const now = this.policy.now();
    const deadline =
      'forwardTo' in record ? record.until : absoluteDeadline(this.policy, record.createdAt);
    if (now >= deadline) {
      // Otherwise whoever keeps asking would keep it in the store for ever.
      await this.store.remove(key, found.version);
      return undefined;
    }
    if ('forwardTo' in record) return record;
    if (record.createdAt > now + CLOCK_TOLERANCE_MS) return undefined;
    return { record, version: found.version };
  }

  create(key: string, record: SessionRecord): Promise<'stored' | 'taken'> {
    return this.store.create(key, this.encode(key, record), this.lifeOf(record));
  }

  update(
    key: string,
    record: SessionRecord,
    version: string,
  ): Promise<'stored' | 'changed' | 'gone'> {
    return this.store.update(key, this.encode(key, record), version, this.lifeOf(record));
  }

  /** Leaves the way to a new key in place of a record. */
  forward({ from, to, version, grace }: Forwarding): Promise<'stored' | 'changed' | 'gone'> {
    const life = Math.min(FORWARDER_SECONDS, this.policy.timeout);
    const until = this.policy.now() + life * 1000;
    const forwarder = encodeForwarder({ forwardTo: to, until, ...(grace && { grace }) });
    return this.store.update(from, this.seal.close(from, forwarder), version, life, true);
  }

  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    return this.store.remove(key, version);
  }

  private encode(key: string, record: SessionRecord): string {
    const text = this.seal.close(key, encodeRecord(record));
    const { maxBytes } = this.policy;
    // A character takes three bytes at most, so that most records need not be measured.
    if (text.length * 3 > maxBytes) {
      const bytes = Buffer.byteLength(text);
      if (bytes > maxBytes) throw new SessionTooLargeError(bytes, maxBytes);
    }
    return text;
  }

  private lifeOf(record: SessionRecord): number {
    return lifeSeconds(this.policy, record.createdAt);
  }
}
