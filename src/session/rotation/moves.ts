import type { SessionChanges } from '../changes.js';
import { newTicket, type StoreKeys, type SessionTicket } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import type { SessionRecords } from '../storage/records.js';
import { regenerate, type Branch } from './regeneration.js';
import { removeSession } from '../storage/removal.js';
import type { ScheduledRotation } from './scheduled-rotation.js';
import { expectedRecord, type SessionState } from '../session-state.js';
import { newHandle, type SessionClient, type SessionUser } from '../session-user.js';
import { SessionDestroyedError, SessionLimitError } from '../errors.js';
import type { KeepOptions } from '../session.js';
import type { IndexedSession } from '../users/index-format.js';
import type { Place, UserMembership } from '../users/membership.js';

/** Who signs in, what the session keeps, and from where. */
export interface SignIn {
  readonly userId: string;
  readonly keep?: KeepOptions['keep'];
  readonly client: SessionClient;
}

type Keep = KeepOptions['keep'];

interface Move {
  readonly keep: Keep;
  readonly isBorder: boolean;
  readonly ticket: SessionTicket;
  /** Who signs in with it and was not before. */
  readonly user?: SessionUser | undefined;
  readonly isSignIn?: boolean;
  /** Makes a place for a branch; answers who is signed in with it. */
  begin(): Promise<SessionUser | undefined>;
  /** The index knows the way to it already. */
  readonly isListed?: boolean;
  /** Has its place under another key, as the first one is taken, or was given away. */
  readonly enter?: ((key: string, why: 'taken' | 'closed') => Promise<void>) | undefined;
}

/** Stored sessions go on under a new id, and their users' indexes follow. */
export class SessionMoves {
  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly rotation: ScheduledRotation,
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /** As it was asked for. @throws SessionDestroyedError if the session is gone */
  async regenerate(session: SessionState, keep: Keep): Promise<void> {
    const { user } = session;
    const ticket = newTicket();
    const begin = async () => {
      const isThere = !user || (await this.membership.branch(user, this.keys.of(ticket)));
      if (!isThere) throw gone(session);
      return user;
    };
    if (!user || keepsAll(keep)) {
      const isBorder = !keepsAll(keep);
      if (!(await this.move(session, { keep, isBorder, ticket, begin }))) throw gone(session);
      return;
    }
    // The index has to know the way over a border before there is one.
    await this.carryOver(session);
    const enter = async (key: string) => void (await this.membership.announceMove(user, key));
    const listed = await this.membership.announceMove(user, this.keys.of(ticket));
    if (!listed) throw gone(session);
    const isListed = knowsWay(listed, session);
    const move = { keep, isBorder: true, ticket, begin, enter, isListed };
    if (!(await this.move(session, move))) throw gone(session);
  }

  /**
   * Signs in with a session that is nobody's, or the user's own. `false`: it was ended meanwhile, and
   * nobody is signed in.
   */
  async signIn(session: SessionState, { userId, keep, client }: SignIn): Promise<boolean> {
    const ticket = newTicket();
    const again = session.user;
    const fresh = { id: userId, handle: newHandle() };
    let newKey = this.keys.of(ticket);
    let place: Place = again
      ? { user: again, key: session.key, client, listedTo: newKey }
      : { user: fresh, key: newKey, client, from: session.key };
    const enter = async (key: string, why: 'taken' | 'closed') => {
      newKey = key;
      if (again && place.user === again)
        return void (await this.membership.announceMove(again, key));
      place = { ...place, key };
      if (why === 'closed') await this.membership.enter(place);
      else await this.membership.rekey(place);
    };
    const begin = async () => {
      place = { user: fresh, key: newKey, client };
      await this.membership.enter(place);
      return fresh;
    };
    try {
      if (again) await this.carryOver(session);
      const listed = await this.membership.enter(place);
      if (!listed) return false;
      const isListed = again !== undefined && knowsWay(listed, session);
      const user = again ? undefined : fresh;
      const border = { isBorder: true, isSignIn: true };
      const move = { keep, ...border, ticket, user, begin, enter, isListed };
      if (await this.move(session, move)) {
        const previousHandle = again ? undefined : session.anonymousHandle;
        this.policy.telemetry.emitOf('signed-in', session, { previousHandle });
        return true;
      }
      await this.membership.leave(place.user, ticket);
      return false;
    } catch (error) {
      // Whoever signs in again stays signed in as before.
      if (!(error instanceof SessionLimitError)) await this.membership.leave(fresh, ticket);
      throw error;
    }
  }

  /** As it was time. `false`: another request does it, or did, and the changes are still to be stored. */
  async rotate(session: SessionState, changes: SessionChanges): Promise<boolean> {
    const before = session.ticket;
    const expected = expectedRecord(session, session.cookieSentAt);
    await this.carryOver(session);
    if (!(await this.rotation.rotate(session, changes, expected))) return false;
    this.policy.telemetry.emitOf('regenerated', session, { reason: 'scheduled' });
    if (!(await this.isFollowed(session, before))) {
      await removeSession(this.records, session.key);
      session.lost();
    }
    return true;
  }

  /** `false`: the session is gone. */
  private async move(session: SessionState, move: Move): Promise<boolean> {
    const keeps = keeperOf(move.keep);
    session.entries.hasChanges(); // finds objects that were changed in place
    const cookieSentAt = this.policy.now();
    const { key, leftKey, supersededElsewhere, ticket: before } = session;
    const own = session.toRecord();
    const expected = expectedRecord(session, cookieSentAt);
    const changes = session.entries.takeChanges();
    let { ticket } = move;
    let isFirst = true;
    let branched: SessionUser | undefined;
    const nextKey = async (whyAgain?: 'taken' | 'closed') => {
      if (!isFirst) ticket = newTicket();
      isFirst = false;
      if (whyAgain) await move.enter?.(this.keys.of(ticket), whyAgain);
      return this.keys.of(ticket);
    };
    const begin = async () => (branched = await move.begin());
    const { user, isBorder, isSignIn = false } = move;
    const branch: Branch = { own, leftKey, supersededElsewhere, begin };
    try {
      await this.carryOver(session);
      const result = await regenerate(this.records, {
        ...{ key, changes, expected, nextKey, keeps, cookieSentAt, user },
        ...{ isBorder, isSignIn, branch },
      });
      if (result === 'gone') return false;
    } catch (error) {
      session.entries.returnChanges(changes);
      throw error;
    }
    session.entries.retain(keeps);
    session.moved(ticket, this.keys.of(ticket), cookieSentAt);
    this.policy.telemetry.emitOf('regenerated', session, { reason: 'requested' });
    const signedIn = branched ?? user;
    if (signedIn) session.signedInAs(signedIn);
    // The index has the key of a session that is newly in it, unless that was taken.
    const isNew = signedIn !== undefined;
    const isIndexed = isNew ? ticket === move.ticket : move.isListed === true;
    const isFollowed = isIndexed
      ? isNew || !session.isOver(this.keys)
      : await this.isFollowed(session, before, isSignIn);
    if (isFollowed) return true;
    await removeSession(this.records, session.key);
    const error = gone(session);
    // Who signs in has done so, and another sign-in, or a revocation, came after.
    if (isSignIn) return true;
    throw error;
  }

  private async carryOver({ user, ticket, key }: SessionState): Promise<void> {
    if (user) await this.membership.carryOver({ user, ticket, key });
  }

  /** Whether the session was not ended while it moved. */
  private async isFollowed(
    session: SessionState,
    before: SessionTicket,
    isSignIn = false,
  ): Promise<boolean> {
    const { user, ticket, key } = session;
    if (session.isOver(this.keys)) return false;
    return !user || this.membership.follow({ user, ticket, key }, before, isSignIn);
  }
}

function gone(session: SessionState): SessionDestroyedError {
  session.lost();
  return new SessionDestroyedError();
}

/** Whether there is nothing to do in the index once the session has moved. */
function knowsWay({ beside, to = [] }: IndexedSession, { ticket }: SessionState): boolean {
  return beside === undefined && to.length === 1 && ticket.secret === 0;
}

function keepsAll(keep: Keep = true): boolean {
  return keep === true;
}

/** Which entries a session keeps under its new id. */
export function keeperOf(keep: Keep = true): (key: string) => boolean {
  return (key) => keep === true || (Array.isArray(keep) && keep.includes(key));
}
