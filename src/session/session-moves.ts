import type { SessionChanges } from './session-changes.js';
import { newTicket, type StoreKeys, type SessionTicket } from './session-keys.js';
import type { SessionPolicy } from './session-policy.js';
import type { SessionRecords } from './session-records.js';
import { regenerate } from './session-regeneration.js';
import { removeSession } from './session-removal.js';
import type { SessionRenewal } from './session-renewal.js';
import { expectedRecord, type SessionState } from './session-state.js';
import type { SessionUser } from './session-user.js';
import { SessionDestroyedError } from './session.errors.js';
import type { UserMembership } from './users/user-membership.js';

/** Who signs in with a session, and the id that it is to have then. */
export interface SigningIn {
  readonly user: SessionUser;
  readonly ticket: SessionTicket;
}

/** Stored sessions go on under a new id, and their users' indexes follow. */
export class SessionMoves {
  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly renewal: SessionRenewal,
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /** As it was asked for. @throws SessionDestroyedError if the session is gone */
  async move(
    session: SessionState,
    keeps: (key: string) => boolean,
    signingIn?: SigningIn,
  ): Promise<void> {
    session.entries.hasChanges(); // finds objects that were changed in place
    const cookieSentAt = this.policy.now();
    const expected = expectedRecord(session, cookieSentAt);
    const changes = session.entries.takeChanges();
    const before = session.ticket;
    let ticket = before;
    let prepared = signingIn?.ticket;
    const nextKey = () => {
      ticket = prepared ?? newTicket();
      prepared = undefined;
      return this.keys.of(ticket);
    };
    const { key } = session;
    const user = signingIn?.user;
    const move = { key, changes, expected, nextKey, keeps, cookieSentAt, user };
    try {
      await this.carryOver(session);
      if ((await regenerate(this.records, move)) === 'gone') throw this.gone(session);
    } catch (error) {
      session.entries.returnChanges(changes);
      throw error;
    }
    session.entries.retain(keeps);
    session.moveTo(ticket, this.keys.of(ticket), cookieSentAt);
    if (user) session.user = user;
    this.policy.telemetry.tell('regenerated', { reason: 'asked' });
    // The index has the prepared id's key already.
    if (ticket !== signingIn?.ticket && !(await this.isFollowed(session, before))) {
      throw this.gone(session);
    }
  }

  /** As it was time. `false`: another request does it, or did, and the changes are still to be stored. */
  async renew(session: SessionState, changes: SessionChanges): Promise<boolean> {
    const before = session.ticket;
    const expected = expectedRecord(session, session.cookieSentAt);
    await this.carryOver(session);
    if (!(await this.renewal.renew(session, changes, expected))) return false;
    this.policy.telemetry.tell('regenerated', { reason: 'time' });
    if (!(await this.isFollowed(session, before))) session.status = 'gone';
    return true;
  }

  private async carryOver({ user, ticket, key }: SessionState): Promise<void> {
    if (user) await this.membership.carryOver({ user, ticket, key });
  }

  /** Whether the session was not ended while it moved. If it was, its new record goes, too. */
  private async isFollowed(session: SessionState, before: SessionTicket): Promise<boolean> {
    const { user, ticket, key } = session;
    if (!user || (await this.membership.follow({ user, ticket, key }, before))) return true;
    await removeSession(this.records, key);
    return false;
  }

  private gone(session: SessionState): SessionDestroyedError {
    session.status = 'gone';
    return new SessionDestroyedError();
  }
}
