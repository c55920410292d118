import { isStoreKey, type SessionTicket } from './keys.js';
import { recordSeal, type RecordSeal } from './seal.js';
import { absoluteDeadline, idleTimeout, lifeSeconds } from '../lifetime.js';
import type { SessionPolicy } from '../policy.js';
import {
  decodeRecord,
  encodeForwarder,
  encodeRecord,
  type RotationGrace,
  type SessionForwarder,
  type SessionRecord,
} from './record-format.js';
import type { SessionStore, StoredText } from './store.js';
import type { SessionIdentity } from '../telemetry.js';
import { isMarked } from '../session-id.js';
import { handleOf } from '../session-user.js';
import { SessionTooLargeError } from '../errors.js';

/** `Promise<T> | T`: most of the time no promise is needed, and a promise costs memory. */
type MaybePromise<T> = T | Promise<T>;

/** A record as read, and its version for compare-and-set. */
export interface FoundRecord {
  readonly record: SessionRecord;
  readonly version: string;
  /** The remaining life in seconds of a record that was not renewed, if the store returns it. */
  readonly lifeLeft?: number | undefined;
}

/** The identity of a record's session, for events. */
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

/** A session's record, found through its forwarders. */
export interface TracedRecord extends FoundRecord {
  readonly key: string;
  /** Whether only scheduled rotations led there. */
  readonly isScheduled: boolean;
}

/** A forwarder as read, and its version for compare-and-set. */
export interface FoundForwarder extends SessionForwarder {
  readonly version: string;
}

/** A forwarder to be stored in place of a record. */
export interface Forwarding {
  readonly from: string;
  readonly to: string;
  /** Of the record that is replaced. */
  readonly version: string;
  readonly isBorder?: boolean | undefined;
  readonly isSignIn?: boolean | undefined;
  readonly grace?: RotationGrace | undefined;
}

/**
 * How long a forwarder leads requests in flight to the new id. For all other requests the old id is
 * invalid at once.
 */
const FORWARDER_SECONDS = 300;

/** How far apart the clocks of processes may be before they end each other's sessions, in milliseconds. */
const CLOCK_DIFFERENCE_MS = 60 * 60 * 1000;

/** The number of new ids that a session may get after a request has read it. */
export const MAX_FORWARDERS = 50;

/** How far in the future `createdAt` may be, in milliseconds: clocks differ, or are set back. */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/**
 * How a read renews a record. Absent: to the idle timeout of the options, by the same command; a second
 * command renews a session to its own lifetime. `'apart'`, for keys whose id is not known, so that nothing
 * shows such a lifetime: by a second command. `'when due'`, for ids that show it: the same, at most once a
 * minute. 0: not at all. Other numbers: see `SessionStore.find`.
 */
export type Renewal = number | 'when due' | 'apart' | undefined;

/** How to read a session by its id. */
export function renewalOf({ id }: SessionTicket, touch: boolean): Renewal {
  if (!touch) return 0;
  return isMarked(id) ? 'when due' : undefined;
}

/** A session may end early by this many seconds, or a tenth of its idle timeout, before a renewal is due. */
const RENEWS_AFTER = 60;

function isRenewalDue(idle: number, lifeLeft: number | undefined): boolean {
  if (lifeLeft === undefined) return true;
  const passed = idle - lifeLeft;
  return passed >= Math.min(RENEWS_AFTER, idle / 10) || passed < -(idle / 10 + LIFE_TOLERANCE);
}

/** A store whose renewals are writes may keep a record this many seconds, and a tenth of its life, too long. */
const LIFE_TOLERANCE = 60;

/** Reads and writes records: encodes and seals them, checks their size and their deadlines. */
export class SessionRecords {
  private readonly seal: RecordSeal;

  constructor(
    private readonly store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.seal = recordSeal(policy.secrets);
  }

  find(key: string, renewTo?: Renewal): Promise<FoundRecord | FoundForwarder | undefined> {
    const isApart = renewTo === 'when due' || renewTo === 'apart';
    return this.store
      .find(key, isApart ? 0 : renewTo)
      .then((found) => found && this.open(key, found, renewTo));
  }

  /** A promise only if the store must be called again. */
  private open(
    key: string,
    found: StoredText,
    renewTo: Renewal,
  ): MaybePromise<FoundRecord | FoundForwarder | undefined> {
    const { version, lifeLeft } = found;
    const text = this.seal.open(key, found.text);
    const record = text === undefined ? undefined : decodeRecord(text);
    if (!record || ('forwardTo' in record && !this.isStoreKey(record.forwardTo))) {
      this.policy.warn('A stored record could not be read as a session; it is ignored.');
      return undefined;
    }
    const now = this.policy.now();
    const deadline =
      'forwardTo' in record ? this.deadlineOf(record, key) : absoluteDeadline(this.policy, record);
    if (now >= deadline) {
      if (!('forwardTo' in record)) {
        this.policy.telemetry.emitOf('expired', identified({ record, key }), {});
      }
      // Each read extends its life, so it must be removed. But not a session that has not ended yet for a
      // process whose clock is behind.
      const isEndedForAll = 'forwardTo' in record || now >= deadline + CLOCK_DIFFERENCE_MS;
      return isEndedForAll ? this.store.remove(key, version).then(() => undefined) : undefined;
    }
    if ('forwardTo' in record) return { ...record, version };
    if (record.createdAt > now + CLOCK_TOLERANCE_MS) return undefined;
    const idle = idleTimeout(this.policy, record.lifetime);
    const isDue =
      renewTo === undefined
        ? idle !== this.policy.timeout
        : renewTo === 'apart' || (renewTo === 'when due' && isRenewalDue(idle, lifeLeft));
    return isDue ? this.renew(key, found, record, idle) : { record, version, lifeLeft };
  }

  private async renew(
    key: string,
    found: StoredText,
    record: SessionRecord,
    idle: number,
  ): Promise<FoundRecord> {
    const renewed = await this.store.find(key, idle);
    // In some stores a renewal is a write.
    const isSame = renewed?.text === found.text;
    return { record, version: isSame ? renewed.version : found.version };
  }

  /**
   * Finds a session through its forwarders. `'border'`: one of them is a border.
   */
  async trace(
    firstKey: string,
    firstRenewal?: Renewal,
  ): Promise<TracedRecord | 'border' | undefined> {
    let key = firstKey;
    let renewTo = firstRenewal;
    let isScheduled = true;
    for (let forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
      const found = await this.find(key, renewTo);
      if (!found) return undefined;
      if (!('forwardTo' in found)) return { ...found, key, isScheduled };
      if (found.isBorder) return 'border';
      isScheduled &&= found.grace !== undefined;
      key = found.forwardTo;
      renewTo ??= 'apart';
    }
    this.warnOfForwarderLoop();
    return undefined;
  }

  /** Another program has stored a loop of forwarders, or the session got new ids too fast to follow. */
  warnOfForwarderLoop(): void {
    this.policy.warn(
      `A stored session leads through more than ${MAX_FORWARDERS} keys, maybe in a circle; it is ignored.`,
    );
  }

  /** Stored data may contain keys of other programs. */
  private isStoreKey(key: string): boolean {
    return isStoreKey(this.policy.keyPrefix, key);
  }

  /**
   * Tolerates differing clocks: a process whose clock is ahead must find the forwarder, too. A deadline too
   * far in the future counts as passed, as no process of this application set it.
   */
  private deadlineOf({ forwardTo, until, isBorder }: SessionForwarder, key: string): number {
    // A closed key stays closed, by any clock, until the store removes it.
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
   * Replaces a record with a forwarder. A border stays for the idle timeout, as long as the session behind
   * it can rest: until then it shows that the sign-in was completed.
   */
  forward(forwarding: Forwarding): Promise<'stored' | 'changed' | 'gone'> {
    const { from, to: forwardTo, version, grace, isBorder = false, isSignIn = false } = forwarding;
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
   * Closes a key, so that no session can be created there: stores a border to itself. `false`: a session
   * is there already, or was just stored.
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
    // A character takes at most three bytes, so most records need not be measured.
    if (text.length * 3 > maxBytes) {
      const bytes = Buffer.byteLength(text);
      if (bytes > maxBytes) throw new SessionTooLargeError(bytes, maxBytes);
    }
    return text;
  }

  private lifeOf(record: SessionRecord): number {
    return lifeSeconds(this.policy, record);
  }
}
