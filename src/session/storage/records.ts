import { isStoreKey } from './keys.js';
import { recordSeal, type RecordSeal } from './seal.js';
import { absoluteDeadline, lifeSeconds, type SessionPolicy } from '../policy.js';
import {
  decodeRecord,
  encodeForwarder,
  encodeRecord,
  type RotationGrace,
  type SessionForwarder,
  type SessionRecord,
} from './record-format.js';
import type { SessionStore } from './store.js';
import type { SessionIdentity } from '../telemetry.js';
import { handleOf } from '../session-user.js';
import { SessionTooLargeError } from '../errors.js';

/** A record as found, and the version to change it by. */
export interface FoundRecord {
  readonly record: SessionRecord;
  readonly version: string;
}

/** A record as events have it. */
export function identified({ record, key }: Pick<TracedRecord, 'record' | 'key'>): {
  readonly identity: SessionIdentity;
} {
  return {
    get identity() {
      const { user, handle } = record;
      return user ? { handle: user.handle, userId: user.id } : { handle: handle ?? handleOf(key) };
    },
  };
}

/** Where a session is now. */
export interface TracedRecord extends FoundRecord {
  readonly key: string;
  /** Whether all the new ids that led there were renewals by the time. */
  readonly isScheduled: boolean;
}

/** A forwarder as found, and the version to change it by. */
export interface FoundForwarder extends SessionForwarder {
  readonly version: string;
}

/** A session's way from one key to another. */
export interface Forwarding {
  readonly from: string;
  readonly to: string;
  /** Of what is there now. */
  readonly version: string;
  readonly isBorder?: boolean | undefined;
  readonly isSignIn?: boolean | undefined;
  readonly grace?: RotationGrace | undefined;
}

/**
 * Long enough for the requests that were under way when a session got its new id; to all others the
 * old id is no session from the first moment on.
 */
const FORWARDER_SECONDS = 300;

/** How far apart the clocks of processes may be before they end each other's sessions, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 60 * 60 * 1000;

/** As many new ids as a session may have got since a request read it. */
export const MAX_FORWARDERS = 50;

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
  async find(key: string, renewTo?: number): Promise<FoundRecord | FoundForwarder | undefined> {
    const found = await this.store.find(key, renewTo);
    if (!found) return undefined;
    const text = this.seal.open(key, found.text);
    const record = text === undefined ? undefined : decodeRecord(text);
    if (!record || ('forwardTo' in record && !this.isStoreKey(record.forwardTo))) {
      this.policy.warn('A stored record could not be read as a session; it is ignored.');
      return undefined;
    }
    const now = this.policy.now();
    const deadline =
      'forwardTo' in record
        ? this.deadlineOf(record, key)
        : absoluteDeadline(this.policy, record.createdAt);
    if (now >= deadline) {
      if (!('forwardTo' in record)) {
        this.policy.telemetry.emitOf('expired', identified({ record, key }), {});
      }
      // Otherwise whoever keeps asking would keep it in the store for ever. For a process whose clock is
      // behind, a session may not have ended yet.
      const isEndedForAll = 'forwardTo' in record || now >= deadline + CLOCK_DIFFERENCE_MS;
      if (isEndedForAll) await this.store.remove(key, found.version);
      return undefined;
    }
    if ('forwardTo' in record) return { ...record, version: found.version };
    if (record.createdAt > now + CLOCK_TOLERANCE_MS) return undefined;
    return { record, version: found.version };
  }

  /**
   * The session that a key leads to, through its forwarders; `'border'`: through one that requests which
   * had read the session do not follow. `renewTo`: as of the store.
   */
  async trace(firstKey: string, renewTo?: number): Promise<TracedRecord | 'border' | undefined> {
    let key = firstKey;
    let isScheduled = true;
    for (let forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
      const found = await this.find(key, renewTo);
      if (!found) return undefined;
      if (!('forwardTo' in found)) return { ...found, key, isScheduled };
      if (found.isBorder) return 'border';
      isScheduled &&= found.grace !== undefined;
      key = found.forwardTo;
    }
    this.tellEndless();
    return undefined;
  }

  /** Somebody else has stored this, or it got new ids faster than anybody could follow. */
  tellEndless(): void {
    this.policy.warn(
      `A stored session leads through more than ${MAX_FORWARDERS} keys, maybe in a circle; it is ignored.`,
    );
  }

  /** What is stored may name keys of others. */
  private isStoreKey(key: string): boolean {
    return isStoreKey(this.policy.keyPrefix, key);
  }

  /**
   * By any clock: a request whose process's clock is ahead must find the way, too. One that lies too far
   * ahead has passed: nobody here made it.
   */
  private deadlineOf({ forwardTo, until, isBorder }: SessionForwarder, key: string): number {
    // Closed, for whoever is about to create something there, by whatever clock.
    if (isBorder && forwardTo === key) return Infinity;
    const life = (isBorder ? this.policy.timeout : FORWARDER_SECONDS) * 1000;
    const latest = this.policy.now() + life + CLOCK_DIFFERENCE_MS;
    return until > latest ? -Infinity : until + CLOCK_DIFFERENCE_MS;
  }

  create(key: string, record: SessionRecord): Promise<'stored' | 'taken'> {
    const isSignedIn = record.user !== undefined;
    return this.store.create(key, this.encode(key, record), this.lifeOf(record), { isSignedIn });
  }

  update(
    key: string,
    record: SessionRecord,
    version: string,
  ): Promise<'stored' | 'changed' | 'gone'> {
    const [text, life] = [this.encode(key, record), this.lifeOf(record)];
    return this.store.update(key, text, version, life, { isSignedIn: record.user !== undefined });
  }

  /**
   * Leaves the way to a new key in place of a record. A border stays for as long as what is behind it
   * can be there unused: until then it tells which sign-in was done.
   */
  forward(way: Forwarding): Promise<'stored' | 'changed' | 'gone'> {
    const { from, to: forwardTo, version, grace, isBorder = false, isSignIn = false } = way;
    const { timeout } = this.policy;
    const life = isBorder ? timeout : Math.min(FORWARDER_SECONDS, timeout);
    const until = this.policy.now() + life * 1000;
    const kind = { isBorder, isSignIn, ...(grace && { grace }) };
    const forwarder = encodeForwarder({ forwardTo, until, ...kind });
    return this.store.update(from, this.seal.close(from, forwarder), version, life, {
      isFinal: true,
    });
  }

  /**
   * Leaves something under a key that is no session, so that none can be created there. `false`: there is
   * one, or has just come.
   */
  async close(key: string, { evenIfThere }: { evenIfThere: boolean }): Promise<boolean> {
    const found = await this.find(key, 0);
    if (found && 'forwardTo' in found) return true;
    const { timeout } = this.policy;
    const until = this.policy.now() + timeout * 1000;
    const border = encodeForwarder({ forwardTo: key, until, isBorder: true });
    const text = this.seal.close(key, border);
    if (!found) return (await this.store.create(key, text, timeout)) === 'stored';
    if (!evenIfThere) return false;
    return (
      (await this.store.update(key, text, found.version, timeout, { isFinal: true })) === 'stored'
    );
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
