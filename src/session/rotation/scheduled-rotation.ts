import { createHmac, randomBytes } from 'node:crypto';

import type { SessionChanges } from '../changes.js';
import type { StoreKeys, SessionTicket } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import type { RotationGrace, SessionForwarder } from '../storage/record-format.js';
import { MAX_FORWARDERS, type FoundRecord, type SessionRecords } from '../storage/records.js';
import { regenerate } from './regeneration.js';
import type { SessionState } from '../session-state.js';
import { SessionStoreRefusal } from '../errors.js';

const SALT_BYTES = 16;

/** Parts of a persistent cookie's life: it is sent again at the end of each but the last. */
const COOKIE_CHANCES = 3;

/** Milliseconds by which the clocks of processes may differ before a time of the future is no time. */
const MAX_CLOCK_DIFFERENCE = 60_000;

/** A session found by an id that has just been renewed. */
export interface Successor {
  readonly ticket: SessionTicket;
  readonly key: string;
  readonly found: FoundRecord;
}

/**
 * A new id from time to time, so that a stolen one is good for a while only (OWASP's renewal timeout).
 *
 * Nobody signs in here, so requests that still come with the old id are let over for a few seconds.
 * They find the new id by the old one and a salt that is left in the old record's place; the store
 * alone does not tell it to anybody.
 */
export class ScheduledRotation {
  /** One process makes one successor, however many requests find that it is time. */
  private readonly underWay = new Set<string>();

  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly policy: SessionPolicy,
  ) {}

  /** A persistent cookie is sent again when a third of its life is over, or with a renewed id. */
  isCookieDue(session: SessionState): boolean {
    const { persistentCookie, rotateEvery, timeout, now } = this.policy;
    return (
      persistentCookie &&
      session.isRenewed &&
      session.canSetCookie &&
      rotateEvery === false &&
      session.status === 'stored' &&
      !session.supersededElsewhere &&
      isOlder(session.cookieSentAt, timeout / COOKIE_CHANCES, now())
    );
  }

  /** With a persistent cookie also when that is to be sent again. */
  isDue(session: SessionState): boolean {
    const { rotateEvery, persistentCookie, timeout, now } = this.policy;
    if (rotateEvery === false || !session.isRenewed) return false;
    if (session.status !== 'stored' || !session.hasVersion) return false;
    const every = persistentCookie ? Math.min(rotateEvery, timeout / COOKIE_CHANCES) : rotateEvery;
    return isOlder(session.cookieSentAt, every, now());
  }

  /**
   * Stores the session under a new id, with the request's changes, and leaves the way to it under the
   * old one. `false`: another request does, or did, or the store cannot now; the changes are still to be
   * stored.
   */
  async rotate(
    session: SessionState,
    changes: SessionChanges,
    expected: FoundRecord | undefined,
  ): Promise<boolean> {
    const { key, ticket: old } = session;
    if (this.underWay.has(key)) return false;
    this.underWay.add(key);
    try {
      const now = this.policy.now();
      let salt = '';
      let ticket = old;
      const result = await regenerate(this.records, {
        ...{ key, changes, expected, keeps: () => true, cookieSentAt: now },
        nextKey: () => {
          salt = randomBytes(SALT_BYTES).toString('base64url');
          ticket = successorOf(old, salt);
          return this.keys.of(ticket);
        },
        grace: () => ({ salt, until: now + this.policy.rotateGrace * 1000 }),
      });
      if (result !== 'moved') return false;
      session.moved(ticket, this.keys.of(ticket), now);
      return true;
    } catch (error) {
      // It can wait; the request need not fail for it.
      if (error instanceof SessionStoreRefusal) return false;
      throw error;
    } finally {
      this.underWay.delete(key);
    }
  }

  /**
   * Where a session went whose id has been renewed; `undefined` if that is long ago. `renewTo`: as of
   * the store.
   */
  async successor(
    ticket: SessionTicket,
    { forwardTo, grace }: SessionForwarder,
    renewTo?: number,
    forwarders = 1,
  ): Promise<Successor | undefined> {
    if (!grace || !this.isGood(grace)) return undefined;
    if (forwarders > MAX_FORWARDERS) {
      this.records.tellEndless();
      return undefined;
    }
    const next = successorOf(ticket, grace.salt);
    // It is not if the secrets were changed within these seconds.
    if (this.keys.of(next) !== forwardTo) return undefined;
    const found = await this.records.find(forwardTo, renewTo);
    if (!found) return undefined;
    if ('forwardTo' in found) return this.successor(next, found, renewTo, forwarders + 1);
    return { ticket: next, key: forwardTo, found };
  }

  /** One that lies too far ahead is over: it was made by a clock that was ahead, or by nobody here. */
  private isGood({ until }: RotationGrace): boolean {
    const left = until - this.policy.now();
    return left > 0 && left <= this.policy.rotateGrace * 1000 + MAX_CLOCK_DIFFERENCE;
  }

  /** Whether the client may be told the successor's id: another request may have ended it meanwhile. */
  async confirm(session: SessionState): Promise<void> {
    const found = await this.records.find(session.key, 0);
    if (!found || 'forwardTo' in found) session.keepSecret();
    session.confirmed();
  }
}

/** Whether that was so many seconds ago, or is in the future by more than clocks may differ. */
function isOlder(time: number, seconds: number, now: number): boolean {
  const age = now - time;
  return age >= seconds * 1000 || age < -MAX_CLOCK_DIFFERENCE;
}

/** Whoever holds the old id can make the new one of it, and nobody else. */
function successorOf({ id }: SessionTicket, salt: string): SessionTicket {
  return { id: createHmac('sha256', id).update(salt).digest('base64url'), secret: 0 };
}
