import { SessionAdoption } from './adoption.js';
import type { SessionChanges } from './changes.js';
import { SessionDeliveries } from './deliveries.js';
import { SessionCommits } from './storage/commits.js';
import { StoreKeys, type SessionTicket } from './storage/keys.js';
import { SessionGenerations } from './storage/generations.js';
import type { ForeignSession } from './foreign-session.js';
import { SessionLookup } from './lookup.js';
import { lifetimeAfterSignIn, lifetimeOf, lifetimeWithCookie } from './lifetime.js';
import type { SessionPolicy } from './policy.js';
import type { RecordFields } from './storage/record-format.js';
import { SessionRecords } from './storage/records.js';
import { keepOnly, SessionMoves, type SignIn } from './rotation/moves.js';
import { NewSessions } from './new-sessions.js';
import { SessionReplacement } from './rotation/replacement.js';
import { ScheduledRotation } from './rotation/scheduled-rotation.js';
import { expectedRecord, type SessionState } from './session-state.js';
import type { SessionStore } from './storage/store.js';
import type { SessionClient } from './session-user.js';
import { SessionDestroyedError, SessionValueError, type SessionError } from './errors.js';
import type { KeepOptions } from './session.js';
import { UserLookup } from './users/lookup.js';
import { UserMembership } from './users/membership.js';

/** Finds, creates, commits, rotates and destroys sessions in the store. */
export class SessionRepository {
  private readonly records: SessionRecords;
  private readonly commits: SessionCommits;
  private readonly keys: StoreKeys;
  private readonly rotation: ScheduledRotation;
  private readonly membership: UserMembership;
  private readonly moves: SessionMoves;
  private readonly lookup: SessionLookup;
  private readonly adoption: SessionAdoption;
  private readonly newSessions: NewSessions;
  private readonly replacement: SessionReplacement;
  /** Which new ids of users' sessions were sent. */
  readonly deliveries: SessionDeliveries;
  /** The sessions of users, for `UserSessions`. */
  readonly users: UserLookup;
  /** Ends all sessions at once. */
  readonly generations: SessionGenerations;

  constructor(
    store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.records = new SessionRecords(store, policy);
    this.commits = new SessionCommits(this.records, policy.telemetry);
    this.keys = new StoreKeys(policy.keyPrefix, policy.secrets);
    this.rotation = new ScheduledRotation(this.records, this.keys, policy);
    this.users = new UserLookup(store, this.records, this.keys, policy);
    this.membership = new UserMembership(this.users);
    this.generations = new SessionGenerations(store, this.keys, policy);
    const parts = [this.records, this.keys, this.rotation, this.membership, policy] as const;
    this.moves = new SessionMoves(...parts);
    this.lookup = new SessionLookup(...parts);
    this.newSessions = new NewSessions(this.records, this.keys, policy);
    this.replacement = new SessionReplacement(
      this.records,
      this.newSessions,
      this.moves,
      this.membership,
      policy,
    );
    this.deliveries = new SessionDeliveries(this.membership, policy);
    this.adoption = new SessionAdoption(this.records, this.keys, this.membership, policy);
  }

  /** The clock of the sessions. */
  get now(): () => number {
    return this.policy.now;
  }

  /**
   * Finds the session of an id, and renews its life unless `touch` is `false`. `undefined`: the id is unknown.
   */
  find(ticket: SessionTicket, touch?: boolean): Promise<SessionState | undefined> {
    return this.lookup.find(ticket, touch);
  }

  /**
   * Stores a session of another library, unless another request has done so already. Returns the reason if it
   * cannot be stored here.
   */
  carryOver(foreign: ForeignSession, client: SessionClient): Promise<SessionError | undefined> {
    return this.adoption.carryOver(foreign, client);
  }

  /** Finds a session that was carried over. The next response replaces its id, which the old cookie reveals. */
  async findAdopted(ticket: SessionTicket): Promise<SessionState | undefined> {
    const session = await this.find(ticket);
    if (session && session.key === this.keys.of(ticket)) session.adopted();
    return session;
  }

  /** Renews a session that was read without a renewal. If it has ended meanwhile, it is lost. */
  renew(session: SessionState): Promise<void> {
    return this.lookup.renew(session);
  }

  /**
   * Reads a session again. The request's changes that are not stored yet stay.
   *
   * @throws SessionDestroyedError if it has ended
   */
  reload(session: SessionState): Promise<void> {
    return this.lookup.reload(session);
  }

  /** Whether a request with this id would find its session. Extends no life. */
  isThere(ticket: SessionTicket): Promise<boolean> {
    return this.lookup.isThere(ticket);
  }

  /** The store key of an id. */
  keyOf(ticket: SessionTicket): string {
    return this.keys.of(ticket);
  }

  /** Creates an empty session. It is not stored before it is written to. */
  begin(): SessionState {
    return this.newSessions.begin();
  }

  /** Whether `commit` has something to do. */
  hasChanges(session: SessionState, mayRotate = false): boolean {
    if (session.status === 'gone') return false;
    if (mayRotate && this.deliveries.isLate(session)) return true;
    if (!session.entries.hasChanges() && !session.hasUnstoredFields) {
      if (mayRotate && (!session.isConfirmed || this.rotation.isDue(session))) return true;
      return mayRotate && this.rotation.isCookieDue(session);
    }
    // An empty session is not stored, unless it is in the store already.
    return session.status !== 'new' || !session.entries.isEmpty;
  }

  /**
   * Stores the request's changes, merged with those of others. Changes to a session that has ended are
   * dropped. After an error the changes are kept, to be stored later. `mayRotate`: the response has not been
   * sent, and can have a new id.
   */
  async commit(session: SessionState, mayRotate = false): Promise<void> {
    if (mayRotate && this.deliveries.isLate(session)) await this.deliveries.extend(session);
    if (!this.hasChanges(session, mayRotate)) return;
    const rotates = mayRotate && this.rotation.isDue(session);
    const changes = session.entries.takeChanges();
    const fields = session.takeFields();
    try {
      if (session.status === 'new') await this.newSessions.store(session);
      else if (rotates) await this.rotate(session, changes, fields);
      else if (changes.isEmpty && !fields && !session.isConfirmed) {
        await this.rotation.confirm(session);
      } else await this.update(session, changes, fields, mayRotate);
    } catch (error) {
      session.entries.returnChanges(changes);
      session.returnFields(fields);
      throw error;
    }
    await this.moves.recordLife(session, fields);
  }

  /**
   * Gives the session a new id, and keeps all entries, none, or the named ones. The old id is invalid for new
   * requests. Requests in flight follow only if all entries are kept.
   *
   * @throws SessionDestroyedError if the session was destroyed or has expired
   */
  async regenerate(session: SessionState, keep: KeepOptions['keep'] = true): Promise<void> {
    if (session.status === 'gone' || session.status === 'destroyed') {
      throw new SessionDestroyedError();
    }
    if (session.status === 'stored') return this.moves.regenerate(session, keep);
    this.newSessions.assignNewId(session);
    keepOnly(session, keep);
  }

  /**
   * The user has proved once more who he is: a new id, stored at once. Requests that had read the session
   * follow.
   *
   * @throws SessionDestroyedError if the session was destroyed or ran out
   */
  async confirmSignIn(session: SessionState): Promise<void> {
    if (session.status !== 'stored') throw new SessionDestroyedError();
    await this.moves.regenerate(session, true, { signedInAt: this.policy.now() });
  }

  /** @throws what `signIn` would */
  checkRemember(remember: SignIn['remember']): void {
    lifetimeAfterSignIn(this.policy, undefined, remember);
  }

  /** How long it may be unused, in seconds. @throws SessionValueError if it is not a number of these */
  setLifetime(session: SessionState, seconds: unknown): void {
    const { persist } = session.lifetime ?? {};
    session.setLifetime({ ...lifetimeOf(this.policy, seconds), persist });
    if (session.status === 'new') this.newSessions.assignNewId(session);
  }

  /** How long its cookie is kept, in seconds, and so the session; `false`: until the browser is closed. */
  setCookieLife(session: SessionState, seconds: number | false): void {
    const lifetime = lifetimeWithCookie(this.policy, session.lifetime, seconds);
    if (!lifetime) return;
    session.setLifetime(lifetime);
    if (session.status === 'new') this.newSessions.assignNewId(session);
  }

  /** Whether its cookie outlives the browser. */
  setPersist(session: SessionState, persist: unknown): void {
    if (typeof persist !== 'boolean') throw new SessionValueError('persist', 'give true or false');
    session.setLifetime({ ...session.lifetime, persist });
  }

  /**
   * Signs a user in: gives the session a new id, stored at once. A session of another user is ended and
   * replaced by a new one, like one that has ended meanwhile. Returns the session to continue with.
   *
   * @throws SessionLimitError, without any change, if the user has too many sessions
   */
  async signIn(session: SessionState, signIn: SignIn): Promise<SessionState> {
    const isTheirs = !session.user || session.user.id === signIn.userId;
    if (session.status === 'stored' && isTheirs && (await this.moves.signIn(session, signIn))) {
      return session;
    }
    await this.replacement.leaveAdopted(session);
    const next = session.status === 'new' ? session : this.begin();
    const other = session.status === 'stored' && !isTheirs ? session : undefined;
    await this.replacement.signIn(next, signIn, other);
    if (next !== session) session.ended();
    return next;
  }

  /** Removes the session from the store. Follows parallel rotations. */
  destroy(session: SessionState): Promise<void> {
    return this.replacement.destroy(session);
  }

  /**
   * Ends the session and replaces it by an anonymous one with the entries that `keep` names, with their values
   * at the end. A session that others have ended, or signed in with, is replaced by an empty one.
   */
  signOut(session: SessionState, keep: KeepOptions['keep']): Promise<SessionState> {
    return this.replacement.signOut(session, keep);
  }

  /** Ends a session whose new id no client has. Branches of parallel requests stay. */
  withdraw(session: SessionState): Promise<void> {
    return this.replacement.withdraw(session);
  }

  private async rotate(
    session: SessionState,
    changes: SessionChanges,
    fields: RecordFields | undefined,
  ): Promise<void> {
    if (await this.moves.rotate(session, changes, fields)) return;
    if (!changes.isEmpty || fields) await this.update(session, changes, fields, false);
  }

  private async update(
    session: SessionState,
    changes: SessionChanges,
    fields: RecordFields | undefined,
    mayRotate: boolean,
  ): Promise<void> {
    const isOutdated = hasOtherCookie(session, fields);
    const cookieIsDue = mayRotate && (this.rotation.isCookieDue(session) || isOutdated);
    const cookieSentAt = cookieIsDue ? this.policy.now() : session.cookieSentAt;
    const expected = expectedRecord(session, cookieSentAt);
    const outcome = await this.commits.commit(
      session.key,
      { changes, fields, cookieSentAt, session },
      expected,
    );
    if (outcome === 'gone') {
      // They show a later `save()` that something was lost.
      session.entries.returnChanges(changes);
      session.lost();
      this.policy.telemetry.emitOf('gone', session, {});
      return;
    }
    this.policy.telemetry.emitOf('committed', session, { created: false });
    session.renewed();
    if (outcome.stored !== session.key) {
      session.follow(outcome.stored, outcome.isScheduled === true);
      return;
    }
    session.confirmed();
    if (cookieIsDue || isOutdated) session.cookieSent(cookieSentAt);
  }
}

/** Whether the lifetime has changed, so that the client needs a new cookie. */
function hasOtherCookie(session: SessionState, fields: RecordFields | undefined): boolean {
  const { canSetCookie, supersededElsewhere } = session;
  return fields !== undefined && 'lifetime' in fields && canSetCookie && !supersededElsewhere;
}
