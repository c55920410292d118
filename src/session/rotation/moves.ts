import type { SessionChanges } from '../changes.js';
import { newTicket, type StoreKeys, type SessionTicket } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import { lifetimeAfterSignIn } from '../lifetime.js';
import type { RecordFields } from '../storage/record-format.js';
import type { SessionRecords } from '../storage/records.js';
import { regenerate, type Branch } from './regeneration.js';
import { removeSession } from '../storage/removal.js';
import type { ScheduledRotation } from './scheduled-rotation.js';
import { expectedRecord, type SessionState } from '../session-state.js';
import { newHandle, type SessionClient, type SessionUser } from '../session-user.js';
import { isMarked } from '../session-id.js';
import { SessionDestroyedError, SessionLimitError } from '../errors.js';
import type { KeepOptions } from '../session.js';
import type { IndexedSession } from '../users/index-format.js';
import type { Place, UserMembership } from '../users/membership.js';

export interface SignIn {
  readonly userId: string;
  readonly keep?: KeepOptions['keep'];
  /** Seconds, or for as long as the options allow. */
  readonly remember?: number | boolean | undefined;
  readonly client: SessionClient;
}

type Keep = KeepOptions['keep'];

interface Move {
  readonly keep: Keep;
  readonly isBorder: boolean;
  readonly ticket: SessionTicket;
  /** The user that a so far anonymous session is signed in as. */
  readonly user?: SessionUser | undefined;
  readonly isSignIn?: boolean;
  /** When the act began, in milliseconds since 1970. */
  readonly since: number;
  /** What changes besides the entries. */
  readonly fields?: RecordFields | undefined;
  /** Adds a branch to the index. Returns the user that is signed in with it. */
  begin(): Promise<SessionUser | undefined>;
  /** The index has the new key already. */
  readonly isListed?: boolean;
  /** Updates the index, as the new key was taken or closed and another one is tried. */
  readonly reindex?: ((key: string, why: 'taken' | 'closed') => Promise<void>) | undefined;
}

/** Gives stored sessions new ids and updates their users' indexes. */
export class SessionMoves {
  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly rotation: ScheduledRotation,
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /** On request: `regenerate()`. @throws SessionDestroyedError if the session has ended */
  async regenerate(session: SessionState, keep: Keep, fields?: RecordFields): Promise<void> {
    const { user } = session;
    const since = this.policy.now();
    const ticket = newTicket(session.hasOwnLife);
    const begin = async () => {
      const isThere = !user || (await this.membership.branch(user, this.keys.of(ticket)));
      if (!isThere) throw gone(session);
      return user;
    };
    const listing = user && (await this.announce(session, user, ticket));
    const move = { keep, isBorder: !keepsAll(keep), since, ticket, fields, begin, ...listing };
    if (!(await this.move(session, move))) throw gone(session);
  }

  /** The index has to know the new key first: after it was stored, the process may be killed. */
  private async announce(
    session: SessionState,
    user: SessionUser,
    ticket: SessionTicket,
  ): Promise<Pick<Move, 'isListed' | 'reindex'>> {
    await this.copyToNewestIndex(session);
    const reindex = async (key: string) => void (await this.membership.announceMove(user, key));
    const listed = await this.membership.announceMove(user, this.keys.of(ticket));
    if (!listed) throw gone(session);
    return { reindex, isListed: hasOnlyThisMove(listed, session) };
  }

  /**
   * Signs the user in with an anonymous session, or again with one of the same user. `false`: the session
   * was ended meanwhile, and the sign-in did not happen.
   */
  async signIn(session: SessionState, signIn: SignIn): Promise<boolean> {
    const { userId, keep, client } = signIn;
    const since = this.policy.now();
    const fields = fieldsAfterSignIn(this.policy, session, signIn);
    const life = fields.lifetime?.idle;
    const ticket = newTicket(life !== undefined);
    const again = session.user;
    const fresh = { id: userId, handle: newHandle() };
    let newKey = this.keys.of(ticket);
    let place: Place = again
      ? { user: again, key: session.key, client, life, listedTo: newKey }
      : { user: fresh, key: newKey, client, life, from: session.key };
    const reindex = async (key: string, why: 'taken' | 'closed') => {
      newKey = key;
      if (again && place.user === again)
        return void (await this.membership.announceMove(again, key));
      place = { ...place, key };
      if (why === 'closed') await this.membership.add(place);
      else await this.membership.rekey(place);
    };
    const begin = async () => {
      place = { user: fresh, key: newKey, client, life };
      await this.membership.add(place);
      return fresh;
    };
    try {
      if (again) await this.copyToNewestIndex(session);
      const listed = await this.membership.add(place);
      if (!listed) return false;
      const isListed = again !== undefined && hasOnlyThisMove(listed, session);
      const user = again ? undefined : fresh;
      const border = { isBorder: true, isSignIn: true, since };
      const move = { keep, ...border, ticket, user, fields, begin, reindex, isListed };
      if (await this.move(session, move)) {
        const previousHandle = again ? undefined : session.anonymousHandle;
        this.policy.telemetry.emitOf('signed-in', session, { previousHandle });
        return true;
      }
      await this.membership.remove(place.user, ticket);
      return false;
    } catch (error) {
      // A user who signs in again stays signed in as before.
      if (!(error instanceof SessionLimitError)) await this.membership.remove(fresh, ticket);
      throw error;
    }
  }

  /** On schedule. `false`: another request rotates the session, and the changes are not stored yet. */
  async rotate(
    session: SessionState,
    changes: SessionChanges,
    fields: RecordFields | undefined,
  ): Promise<boolean> {
    const before = session.ticket;
    const expected = expectedRecord(session, session.cookieSentAt);
    await this.copyToNewestIndex(session);
    if (!(await this.rotation.rotate(session, { changes, fields, expected }))) return false;
    this.policy.telemetry.emitOf('regenerated', session, { reason: 'scheduled' });
    const isUndelivered = session.undeliveredSince !== undefined;
    if (!(await this.isFollowed(session, before, { isUndelivered }))) {
      await removeSession(this.records, session.key);
      session.lost();
    }
    return true;
  }

  /** `false`: the session has ended. */
  private async move(session: SessionState, move: Move): Promise<boolean> {
    const keeps = keepPredicate(move.keep);
    session.entries.hasChanges(); // detects objects that were changed in place
    const cookieSentAt = this.policy.now();
    const { key, leftKey, supersededElsewhere, ticket: before } = session;
    const unstored = session.takeFields();
    const fields = { ...unstored, ...move.fields };
    const own = session.toRecord();
    const expected = expectedRecord(session, cookieSentAt);
    const changes = session.entries.takeChanges();
    let { ticket } = move;
    let isFirst = true;
    let branched: SessionUser | undefined;
    const nextKey = async (whyAgain?: 'taken' | 'closed') => {
      if (!isFirst) ticket = newTicket(isMarked(move.ticket.id));
      isFirst = false;
      if (whyAgain) await move.reindex?.(this.keys.of(ticket), whyAgain);
      return this.keys.of(ticket);
    };
    const begin = async () => (branched = await move.begin());
    const { user, isBorder, isSignIn = false } = move;
    const branch: Branch = { own, leftKey, supersededElsewhere, begin };
    try {
      const result = await regenerate(this.records, {
        ...{ key, changes, expected, nextKey, keeps, cookieSentAt, user },
        ...{ isBorder, isSignIn, fields, branch },
      });
      if (result === 'gone') return false;
    } catch (error) {
      session.entries.returnChanges(changes);
      session.returnFields(unstored);
      throw error;
    }
    session.entries.retain(keeps);
    session.adopt(fields);
    session.moved(ticket, this.keys.of(ticket), cookieSentAt);
    this.policy.telemetry.emitOf('regenerated', session, { reason: 'requested' });
    const signedIn = branched ?? user;
    if (signedIn) session.signedInAs(signedIn);
    if (session.user) session.awaitsDelivery(move.since);
    // A new place in the index has this key, unless the key was taken.
    const isNew = signedIn !== undefined;
    const isIndexed = isNew ? ticket === move.ticket : move.isListed === true;
    const isFollowed = isIndexed
      ? isNew || !session.isOver(this.keys)
      : await this.isFollowed(session, before, { isSignIn });
    if (isFollowed) {
      await this.recordLife(session, unstored);
      return true;
    }
    await removeSession(this.records, session.key);
    const error = gone(session);
    // A new sign-in is done, and another one, or a revocation, came after. One with a session that was
    // ended at that moment begins anew.
    if (isSignIn) return isNew;
    throw error;
  }

  /** Called after the session was stored with these fields. */
  async recordLife(session: SessionState, fields: RecordFields | undefined): Promise<void> {
    const { user, ticket, lifetime, status } = session;
    if (!user || status !== 'stored' || !fields || !('lifetime' in fields)) return;
    await this.membership.recordLife({ user, ticket, life: lifetime?.idle });
  }

  private async copyToNewestIndex({ user, ticket, key }: SessionState): Promise<void> {
    if (user) await this.membership.copyToNewestIndex({ user, ticket, key });
  }

  /** Records the move in the index. `false`: the session was ended while it moved. */
  private async isFollowed(
    session: SessionState,
    before: SessionTicket,
    how: { readonly isSignIn?: boolean; readonly isUndelivered?: boolean },
  ): Promise<boolean> {
    const { user, ticket, key } = session;
    if (session.isOver(this.keys)) return false;
    return !user || this.membership.recordMove({ user, ticket, key }, before, how);
  }
}

/** The fields that a sign-in sets: the time of the authentication, and the lifetime. */
export function fieldsAfterSignIn(
  policy: SessionPolicy,
  { lifetime }: SessionState,
  { remember }: SignIn,
): RecordFields {
  return {
    signedInAt: policy.now(),
    lifetime: lifetimeAfterSignIn(policy, lifetime, remember),
  };
}

function gone(session: SessionState): SessionDestroyedError {
  session.lost();
  return new SessionDestroyedError();
}

/** Whether the index needs no update after the move: it lists this move only, and no branches. */
function hasOnlyThisMove({ beside, to = [] }: IndexedSession, { ticket }: SessionState): boolean {
  return beside === undefined && to.length === 1 && ticket.secret === 0;
}

function keepsAll(keep: Keep = true): boolean {
  return keep === true;
}

/** Returns whether the session keeps an entry under its new id. */
export function keepPredicate(keep: Keep = true): (key: string) => boolean {
  return (key) => keep === true || (Array.isArray(keep) && keep.includes(key));
}

/** Deletes the other entries. */
export function keepOnly({ entries }: SessionState, keep: Keep): void {
  const keeps = keepPredicate(keep);
  for (const key of [...entries.keys()]) if (!keeps(key)) entries.delete(key);
}
