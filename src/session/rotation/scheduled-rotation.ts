import { createHmac, randomBytes } from 'node:crypto';

import type { StoreKeys, SessionTicket } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import type { RotationGrace, SessionForwarder } from '../storage/record-format.js';
import {
  MAX_FORWARDERS,
  renewalOf,
  type FoundRecord,
  type SessionRecords,
} from '../storage/records.js';
import { isMarked, marked, markedFor } from '../session-id.js';
import { regenerate, type Regeneration } from './regeneration.js';
import type { SessionState } from '../session-state.js';
import { SessionStoreRefusal } from '../errors.js';

const SALT_BYTES = 16;

/** A persistent cookie is sent again after each of this many parts of its life, except the last. */
const COOKIE_CHANCES = 3;

/** How far a stored time may be in the future, in milliseconds, as the clocks of processes differ. */
const MAX_CLOCK_DIFFERENCE = 60_000;

/** A session found by an id that has just been rotated. */
export interface Successor {
  readonly ticket: SessionTicket;
  readonly key: string;
  readonly found: FoundRecord;
}

/**
 * Gives sessions a new id every `rotateEvery` seconds, so that a stolen id is valid for a limited time
 * (OWASP's renewal timeout).
 *
 * No privileges change, so the old id stays valid for `rotateGrace` seconds. The new id is an HMAC of the
 * old id and a salt, which the forwarder holds: it cannot be computed from the store's contents alone.
 */
export class ScheduledRotation {
  /** Keys being rotated: in one process only one request at a time rotates a session. */
  private readonly inProgress = new Set<string>();

  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly policy: SessionPolicy,
  ) {}

  /** Whether a persistent cookie must be sent again: a third of its life is over. Rotation sends it, too. */
  isCookieDue(session: SessionState): boolean {
    const { rotateEvery, now } = this.policy;
    const { cookieLife } = session;
    return (
      cookieLife !== false &&
      session.isRenewed &&
      session.canSetCookie &&
      rotateEvery === false &&
      session.status === 'stored' &&
      !session.supersededElsewhere &&
      isOlder(session.cookieSentAt, cookieLife / COOKIE_CHANCES, now())
    );
  }

  /** Whether the session must be rotated. A persistent cookie is also due when its life requires it. */
  isDue(session: SessionState): boolean {
    if (session.isAdopted) return session.status === 'stored' && session.hasVersion;
    const { rotateEvery, now } = this.policy;
    // Others have given it a new id, which only their client can follow.
    if (session.leftKey !== undefined) return false;
    if (session.status !== 'stored' || !session.isRenewed || !session.hasVersion) return false;
    if (session.hasOwnLife && !isMarked(session.id)) return session.canSetCookie;
    if (rotateEvery === false) return false;
    const { cookieLife } = session;
    const every = cookieLife ? Math.min(rotateEvery, cookieLife / COOKIE_CHANCES) : rotateEvery;
    return isOlder(session.cookieSentAt, every, now());
  }

  /**
   * Stores the session under a new id, with the request's changes, and a forwarder under the old one.
   * `false`: another request rotates it, or the store refused; the changes are not stored yet.
   */
  async rotate(
    session: SessionState,
    { changes, fields, expected }: Pick<Regeneration, 'changes' | 'fields' | 'expected'>,
  ): Promise<boolean> {
    const { key, ticket: old } = session;
    if (this.inProgress.has(key)) return false;
    this.inProgress.add(key);
    try {
      const now = this.policy.now();
      let salt = '';
      let ticket = old;
      const result = await regenerate(this.records, {
        ...{ key, changes, fields, expected, keeps: () => true, cookieSentAt: now },
        nextKey: () => {
          const random = () => randomBytes(SALT_BYTES).toString('base64url');
          salt = markedFor(session.hasOwnLife, random);
          ticket = successorOf(old, salt);
          return this.keys.of(ticket);
        },
        grace: () => ({ salt, until: now + this.policy.rotateGrace * 1000 }),
      });
      if (result !== 'moved') return false;
      session.moved(ticket, this.keys.of(ticket), now);
      return true;
    } catch (error) {
      // The rotation can wait: the request need not fail.
      if (error instanceof SessionStoreRefusal) return false;
      throw error;
    } finally {
      this.inProgress.delete(key);
    }
  }

  /** Finds a session by a rotated id. `undefined`: the grace period is over. */
  async successor(
    ticket: SessionTicket,
    { forwardTo, grace }: SessionForwarder,
    touch: boolean,
    forwarders = 1,
  ): Promise<Successor | undefined> {
    if (!grace || !this.isValid(grace)) return undefined;
    if (forwarders > MAX_FORWARDERS) {
      this.records.warnOfForwarderLoop();
      return undefined;
    }
    const next = successorOf(ticket, grace.salt);
    // They differ if `secrets` changed during the grace period.
    if (this.keys.of(next) !== forwardTo) return undefined;
    const found = await this.records.find(forwardTo, renewalOf(next, touch));
    if (!found) return undefined;
    if ('forwardTo' in found) return this.successor(next, found, touch, forwarders + 1);
    return { ticket: next, key: forwardTo, found };
  }

  /** A deadline too far ahead is invalid: a process whose clock is ahead made it, or another program. */
  private isValid({ until }: RotationGrace): boolean {
    const left = until - this.policy.now();
    return left > 0 && left <= this.policy.rotateGrace * 1000 + MAX_CLOCK_DIFFERENCE;
  }

  /** Checks that the session still exists before its new id is sent: another request may have ended it. */
  async confirm(session: SessionState): Promise<void> {
    const found = await this.records.find(session.key, 0);
    if (!found || 'forwardTo' in found) session.keepSecret();
    session.confirmed();
  }
}

/** Whether a time is at least `seconds` ago, or further in the future than clocks may differ. */
function isOlder(time: number, seconds: number, now: number): boolean {
  const age = now - time;
  return age >= seconds * 1000 || age < -MAX_CLOCK_DIFFERENCE;
}

/** The new id. Only a client with the old id can compute it. */
function successorOf({ id }: SessionTicket, salt: string): SessionTicket {
  const next = createHmac('sha256', id).update(salt).digest('base64url');
  return { id: isMarked(salt) ? marked(next) : next, secret: 0 };
}
