import type { SessionChanges } from './session-changes.js';
import { SessionCommits } from './session-commits.js';
import { SessionEntries } from './session-entries.js';
import { newTicket, StoreKeys, type SessionTicket } from './session-keys.js';
import { absoluteDeadline, type SessionPolicy } from './session-policy.js';
import type { SessionForwarder } from './session-record.js';
import { SessionRecords } from './session-records.js';
import { SessionMoves } from './session-moves.js';
import { newIdByOthers } from './session-regeneration.js';
import { removeSession } from './session-removal.js';
import { SessionRenewal, type Successor } from './session-renewal.js';
import { expectedRecord, recordOf, SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';
import { newHandle, type SessionClient } from './session-user.js';
import { SessionDestroyedError } from './session.errors.js';
import type { RegenerateOptions } from './session.js';
import { UserLookup } from './users/user-lookup.js';
import { UserMembership } from './users/user-membership.js';

/** Who signs in, what the session keeps, and from where. */
export interface SignIn {
  readonly userId: string;
  readonly keep?: RegenerateOptions['keep'];
  readonly client: SessionClient;
}

/** Sessions in and out of the store: found, begun, committed, given a new id, destroyed. */
export class SessionRepository {
  private readonly records: SessionRecords;
  private readonly commits: SessionCommits;
  private readonly keys: StoreKeys;
  private readonly renewal: SessionRenewal;
  private readonly membership: UserMembership;
  private readonly moves: SessionMoves;
  /** For those who look at a user's sessions without being one. */
  readonly users: UserLookup;

  constructor(
    store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.records = new SessionRecords(store, policy);
    this.commits = new SessionCommits(this.records, policy.telemetry);
    this.keys = new StoreKeys(policy.keyPrefix, policy.secrets);
    this.renewal = new SessionRenewal(this.records, this.keys, policy);
    this.users = new UserLookup(store, this.records, this.keys, policy);
    this.membership = new UserMembership(this.users);
    const parts = [this.records, this.keys, this.renewal, this.membership, policy] as const;
    this.moves = new SessionMoves(...parts);
  }

  /** The session of this id, its life renewed. `undefined`: there is none, and the id is no good. */
  async find(ticket: SessionTicket): Promise<SessionState | undefined> {
    const key = this.keys.of(ticket);
    const found = await this.records.find(key);
    const session =
      found && 'forwardTo' in found
        ? await this.findSuccessor(ticket, found)
        : found && this.stateOf({ ticket, key, found });
    const isOver = session?.user !== undefined && !(await this.isSignedIn(session));
    this.policy.telemetry.tell('loaded', { found: session !== undefined && !isOver });
    return isOver ? undefined : session;
  }

  /** Where the session of this id is kept, as long as it has this id. */
  keyOf(ticket: SessionTicket): string {
    return this.keys.of(ticket);
  }

  /** Whether a request with this id would find its session. Keeps nothing alive. */
  async isThere(ticket: SessionTicket): Promise<boolean> {
    const key = this.keys.of(ticket);
    const found = await this.records.find(key, 0);
    const session =
      found && 'forwardTo' in found
        ? await this.renewal.successor(ticket, found, 0)
        : found && { ticket, key, found };
    const user = session?.found.record.user;
    if (!session || !user) return session !== undefined;
    return this.membership.isListed({ user, ticket: session.ticket, key: session.key });
  }

  /** A new, empty session. Nothing is stored before something is written to it. */
  begin(): SessionState {
    const ticket = newTicket();
    const createdAt = this.policy.now();
    const expiresAt = this.expiryOf(createdAt);
    return new SessionState({ ticket, key: this.keys.of(ticket), createdAt, expiresAt });
  }

  /** Whether `commit` has something to do. */
  hasChanges(session: SessionState, mayRenew = false): boolean {
    if (session.status === 'gone') return false;
    if (!session.entries.hasChanges()) {
      if (mayRenew && (!session.isConfirmed || this.renewal.isDue(session))) return true;
      return this.isCookieDue(session);
    }
    // An empty session is worth no record, unless it already has one.
    return session.status !== 'new' || !session.entries.isEmpty;
  }

  /**
   * Stores what the request changed, merged with what others changed meanwhile. Changes to a session
   * that is gone are dropped. After an error the changes are still there, to be stored later.
   * `mayRenew`: the response is about to go, and can carry a new id.
   */
  async commit(session: SessionState, mayRenew = false): Promise<void> {
    if (!this.hasChanges(session, mayRenew)) return;
    const renews = mayRenew && this.renewal.isDue(session);
    const changes = session.entries.takeChanges();
    try {
      if (session.status === 'new') await this.create(session);
      else if (renews) await this.renew(session, changes);
      else if (changes.isEmpty && !session.isConfirmed) await this.renewal.confirm(session);
      else await this.update(session, changes);
    } catch (error) {
      session.entries.returnChanges(changes);
      throw error;
    }
  }

  /**
   * Gives the session a new id, under which it keeps all entries, none, or those named. Requests
   * that had read it still land their changes; to new requests the old id is no session.
   *
   * @throws SessionConflictError if another request gave it a new id first
   * @throws SessionDestroyedError if the session was destroyed or ran out
   */
  async regenerate(session: SessionState, keep: RegenerateOptions['keep'] = true): Promise<void> {
    requireMovable(session);
    if (session.status === 'stored') return this.moves.move(session, keeperOf(keep));
    this.assignNewId(session);
    dropEntries(session, keeperOf(keep));
  }

  /**
   * Signs a user in with the session: a new id, stored at once. Somebody else's session is ended, and
   * another one begun in its place; the one to go on with is answered.
   *
   * @throws SessionLimitError, with nothing done, if the user has too many
   */
  async signIn(session: SessionState, { userId, keep, client }: SignIn): Promise<SessionState> {
    requireMovable(session);
    const keeps = keeperOf(keep);
    const isTheirs = session.user?.id === userId;
    if (session.user && isTheirs) {
      await this.membership.enter(session.user, session.key, client);
      await this.moves.move(session, keeps);
      return session;
    }
    const signingIn = { user: { id: userId, handle: newHandle() }, ticket: newTicket() };
    const { user, ticket } = signingIn;
    await this.membership.enter(user, this.keys.of(ticket), client);
    try {
      if (session.status === 'stored' && !session.user) {
        await this.moves.move(session, keeps, signingIn);
        return session;
      }
      const next = session.user ? this.begin() : session;
      if (session.user) await this.destroy(session);
      else dropEntries(session, keeps);
      Object.assign(next, { user, ticket, key: this.keys.of(ticket) });
      next.entries.hasChanges(); // finds objects that were changed in place
      await this.create(next);
      next.entries.takeChanges();
      return next;
    } catch (error) {
      await this.membership.leave(user, ticket);
      throw error;
    }
  }

  /** Takes the session out of the store, wherever a parallel new id has moved it. */
  async destroy(session: SessionState): Promise<void> {
    if (session.status === 'stored') {
      await removeSession(this.records, session.key, session.takeVersion());
      this.policy.telemetry.tell('destroyed', {});
      if (session.user) await this.membership.leave(session.user, session.ticket);
    }
    session.status = 'destroyed';
    session.entries = new SessionEntries(new Map());
  }

  private async create(session: SessionState): Promise<void> {
    session.cookieSentAt = this.policy.now();
    while ((await this.records.create(session.key, recordOf(session))) === 'taken') {
      this.assignNewId(session);
    }
    session.status = 'stored';
    this.policy.telemetry.tell('committed', { created: true });
  }

  /** A session that its user's index does not name was revoked, or the index is lost: it ends. */
  private async isSignedIn(session: SessionState): Promise<boolean> {
    const { user, ticket, key } = session;
    if (!user || (await this.membership.isMember({ user, ticket, key }))) return true;
    await removeSession(this.records, key, session.takeVersion());
    return false;
  }

  private async findSuccessor(
    ticket: SessionTicket,
    forwarder: SessionForwarder,
  ): Promise<SessionState | undefined> {
    const successor = await this.renewal.successor(ticket, forwarder);
    return successor && this.stateOf(successor, true);
  }

  private stateOf({ ticket, key, found }: Successor, isSuccessor = false): SessionState {
    const { createdAt } = found.record;
    const expiresAt = this.expiryOf(createdAt);
    return new SessionState({ ticket, key, createdAt, expiresAt, found, isSuccessor });
  }

  private async renew(session: SessionState, changes: SessionChanges): Promise<void> {
    if (await this.moves.renew(session, changes)) return;
    if (!changes.isEmpty) await this.update(session, changes);
  }

  private async update(session: SessionState, changes: SessionChanges): Promise<void> {
    const cookieIsDue = this.isCookieDue(session);
    const cookieSentAt = cookieIsDue ? this.policy.now() : session.cookieSentAt;
    const expected = expectedRecord(session, cookieSentAt);
    const outcome = await this.commits.commit(session.key, { changes, cookieSentAt }, expected);
    if (outcome === 'gone') {
      session.status = 'gone';
      this.policy.telemetry.tell('gone', {});
      return;
    }
    this.policy.telemetry.tell('committed', { created: false });
    if (outcome.stored !== session.key) {
      session.follow(outcome.stored, outcome.renewed === true);
    } else if (cookieIsDue) {
      session.cookieSentAt = cookieSentAt;
      session.tellClient = true;
    }
  }

  /** A persistent cookie is sent again when half of its life is over, or with a renewed id. */
  private isCookieDue(session: SessionState): boolean {
    const { persistentCookie, rotateEvery, timeout, now } = this.policy;
    return (
      persistentCookie &&
      session.canTellClient &&
      rotateEvery === false &&
      session.status === 'stored' &&
      !session.followed &&
      now() - session.cookieSentAt >= timeout * 500
    );
  }

  private assignNewId(session: SessionState): void {
    session.ticket = newTicket();
    session.key = this.keys.of(session.ticket);
  }

  private expiryOf(createdAt: number): number {
    const idleDeadline = this.policy.now() + this.policy.timeout * 1000;
    return Math.min(idleDeadline, absoluteDeadline(this.policy, createdAt));
  }
}

function requireMovable(session: SessionState): void {
  if (session.followed) throw newIdByOthers();
  if (session.status === 'gone' || session.status === 'destroyed') {
    throw new SessionDestroyedError();
  }
}

function keeperOf(keep: RegenerateOptions['keep'] = true): (key: string) => boolean {
  return (key) => keep === true || (Array.isArray(keep) && keep.includes(key));
}

function dropEntries({ entries }: SessionState, keeps: (key: string) => boolean): void {
  for (const key of [...entries.keys()]) if (!keeps(key)) entries.delete(key);
}
