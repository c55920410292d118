import type { SessionChanges } from './session-changes.js';
import { SessionCommits } from './session-commits.js';
import { SessionEntries } from './session-entries.js';
import { newSessionId } from './session-id.js';
import { StoreKeys, type SessionTicket } from './session-keys.js';
import { absoluteDeadline, type SessionPolicy } from './session-policy.js';
import type { SessionForwarder, SessionRecord } from './session-record.js';
import { SessionRecords, type FoundRecord } from './session-records.js';
import { newIdByOthers, regenerate } from './session-regeneration.js';
import { SessionRenewal, type Successor } from './session-renewal.js';
import { SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';
import { SessionDestroyedError, tooManyConflicts } from './session.errors.js';
import type { RegenerateOptions } from './session.js';

/** Each failed attempt means that another request's change was stored. */
const MAX_ATTEMPTS = 50;

/** Sessions in and out of the store: found, begun, committed, given a new id, destroyed. */
export class SessionRepository {
  private readonly records: SessionRecords;
  private readonly commits: SessionCommits;
  private readonly keys: StoreKeys;
  private readonly renewal: SessionRenewal;

  constructor(
    store: SessionStore,
    private readonly policy: SessionPolicy,
  ) {
    this.records = new SessionRecords(store, policy);
    this.commits = new SessionCommits(this.records, policy.telemetry);
    this.keys = new StoreKeys(policy.keyPrefix, policy.secrets);
    this.renewal = new SessionRenewal(this.records, this.keys, policy);
  }

  /** The session of this id, its life renewed. `undefined`: there is none, and the id is no good. */
  async find(ticket: SessionTicket): Promise<SessionState | undefined> {
    const key = this.keys.of(ticket);
    const found = await this.records.find(key);
    const session =
      found && 'forwardTo' in found
        ? await this.findSuccessor(ticket, found)
        : found && this.stateOf({ ticket, key, found });
    this.policy.telemetry.tell('loaded', { found: session !== undefined });
    return session;
  }

  /** Where the session of this id is kept, as long as it has this id. */
  keyOf(ticket: SessionTicket): string {
    return this.keys.of(ticket);
  }

  /** Whether a request with this id would find its session. Keeps nothing alive. */
  async isThere(ticket: SessionTicket): Promise<boolean> {
    const found = await this.records.find(this.keys.of(ticket), 0);
    if (!found || !('forwardTo' in found)) return found !== undefined;
    return found.grace !== undefined && this.policy.now() < found.grace.until;
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
    return session.status !== 'new' || session.entries.size > 0;
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
    const keeps = (key: string) => keep === true || (Array.isArray(keep) && keep.includes(key));
    if (session.followed) throw newIdByOthers();
    if (session.status === 'stored') return this.move(session, keeps);
    if (session.status === 'gone' || session.status === 'destroyed') {
      throw new SessionDestroyedError();
    }
    if (session.status === 'new') this.assignNewId(session);
    for (const key of [...session.entries.keys()]) {
      if (!keeps(key)) session.entries.delete(key);
    }
  }

  /** Takes the session out of the store, wherever a parallel new id has moved it. */
  async destroy(session: SessionState): Promise<void> {
    if (session.status === 'stored') {
      await this.remove(session.key, session.takeVersion());
      this.policy.telemetry.tell('destroyed', {});
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
    const expected = expectedRecord(session, session.cookieSentAt);
    if (await this.renewal.renew(session, changes, expected)) {
      this.policy.telemetry.tell('regenerated', { reason: 'time' });
      return;
    }
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

  private async move(session: SessionState, keeps: (key: string) => boolean): Promise<void> {
    session.entries.hasChanges(); // finds objects that were changed in place
    const cookieSentAt = this.policy.now();
    const expected = expectedRecord(session, cookieSentAt);
    const changes = session.entries.takeChanges();
    const { key } = session;
    let ticket = session.ticket;
    const nextKey = () => this.keys.of((ticket = newTicket()));
    const move = { key, changes, expected, nextKey, keeps, cookieSentAt };
    try {
      if ((await regenerate(this.records, move)) === 'gone') {
        session.status = 'gone';
        throw new SessionDestroyedError();
      }
    } catch (error) {
      session.entries.returnChanges(changes);
      throw error;
    }
    session.entries.retain(keeps);
    session.moveTo(ticket, this.keys.of(ticket), cookieSentAt);
    this.policy.telemetry.tell('regenerated', { reason: 'asked' });
  }

  private async remove(firstKey: string, firstVersion: string | undefined): Promise<void> {
    let key = firstKey;
    let version = firstVersion;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if (version === undefined) {
        const newest = await this.records.find(key);
        if (!newest) return;
        if ('forwardTo' in newest) {
          key = newest.forwardTo;
          continue;
        }
        version = newest.version;
      }
      if ((await this.records.remove(key, version)) !== 'changed') return;
      version = undefined;
    }
    throw tooManyConflicts(MAX_ATTEMPTS);
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

/** A new id, under the newest secret. */
function newTicket(): SessionTicket {
  return { id: newSessionId(), secret: 0 };
}

function recordOf(session: SessionState): SessionRecord {
  const { createdAt, cookieSentAt } = session;
  return { createdAt, cookieSentAt, entries: session.entries.snapshot() };
}

/** What to store if the record is still the one that was read. */
function expectedRecord(session: SessionState, cookieSentAt: number): FoundRecord | undefined {
  const version = session.takeVersion();
  return version === undefined
    ? undefined
    : { version, record: { ...recordOf(session), cookieSentAt } };
}
