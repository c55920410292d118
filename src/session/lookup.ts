import type { SessionTicket, StoreKeys } from './storage/keys.js';
import type { SessionPolicy } from './policy.js';
import type { SessionForwarder } from './storage/record-format.js';
import { renewalOf, type SessionRecords } from './storage/records.js';
import { removeSession } from './storage/removal.js';
import type { ScheduledRotation, Successor } from './rotation/scheduled-rotation.js';
import { SessionState } from './session-state.js';
import type { SessionIdentity } from './telemetry.js';
import { handleOf } from './session-user.js';
import { SessionDestroyedError } from './errors.js';
import type { UserMembership } from './users/membership.js';

const FOUND = { found: true };
const NOT_FOUND = { found: false };

/** An unknown session, for events. */
class UnknownSession {
  constructor(private readonly key: string) {}

  get identity(): SessionIdentity {
    return { handle: handleOf(this.key) };
  }
}

/** Finds sessions by the ids that clients send. */
export class SessionLookup {
  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly rotation: ScheduledRotation,
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /**
   * Finds the session of an id, and renews its life unless `touch` is `false`. `undefined`: the id is unknown.
   */
  find(ticket: SessionTicket, touch = true): Promise<SessionState | undefined> {
    const key = this.keys.of(ticket);
    return this.records.find(key, renewalOf(ticket, touch)).then((found) => {
      if (!found || 'forwardTo' in found) return this.findElsewhere(ticket, key, found, touch);
      const session = this.stateOf({ ticket, key, found }, touch);
      return session.user ? this.checked(session) : this.loaded(session);
    });
  }

  /** A session that `forwarder` leads to. Absent: nothing is under the key. */
  private async findElsewhere(
    ticket: SessionTicket,
    key: string,
    forwarder: SessionForwarder | undefined,
    touch: boolean,
  ): Promise<SessionState | undefined> {
    const successor = forwarder && (await this.rotation.successor(ticket, forwarder, touch));
    if (successor) return this.checked(this.stateOf(successor, touch, key));
    this.policy.telemetry.emitOf('loaded', new UnknownSession(key), NOT_FOUND);
    return undefined;
  }

  private async checked(session: SessionState): Promise<SessionState | undefined> {
    if (await this.isSignedIn(session)) return this.loaded(session);
    this.policy.telemetry.emitOf('loaded', session, NOT_FOUND);
    this.policy.telemetry.emitOf('gone', session, {});
    return undefined;
  }

  private loaded(session: SessionState): SessionState {
    this.policy.telemetry.emitOf('loaded', session, FOUND);
    return session;
  }

  /** Whether a request with this id would find its session. Extends no life. */
  async isThere(ticket: SessionTicket): Promise<boolean> {
    const key = this.keys.of(ticket);
    const found = await this.records.find(key, 0);
    const session =
      found && 'forwardTo' in found
        ? await this.rotation.successor(ticket, found, false)
        : found && { ticket, key, found };
    const user = session?.found.record.user;
    if (!session || !user) return session !== undefined;
    return this.membership.isListed({ user, ticket: session.ticket, key: session.key });
  }

  /** Renews a session that was read without a renewal. If it has ended meanwhile, it is lost. */
  async renew(session: SessionState): Promise<void> {
    if (session.status !== 'stored' || session.isRenewed) return;
    const newest = await this.records.trace(session.key, renewalOf(session.ticket, true));
    session.renewed();
    if (newest && newest !== 'border' && (await this.isSignedIn(session))) return;
    session.lost();
    this.policy.telemetry.emitOf('gone', session, {});
  }

  /**
   * Reads a session again, also under a new key. The request's changes that are not stored yet stay.
   *
   * @throws SessionDestroyedError if it has ended
   */
  async reload(session: SessionState): Promise<void> {
    if (session.status === 'new') return;
    if (session.status !== 'stored') throw new SessionDestroyedError();
    const newest = await this.records.trace(
      session.key,
      renewalOf(session.ticket, session.isRenewed),
    );
    if (!newest || newest === 'border') {
      session.lost();
      this.policy.telemetry.emitOf('gone', session, {});
      throw new SessionDestroyedError();
    }
    session.reloaded(newest);
  }

  /** A session that its user's index does not list was revoked, or the index was lost: it ends. */
  private async isSignedIn(session: SessionState): Promise<boolean> {
    const { user, ticket, key, isRenewed } = session;
    if (!user) return true;
    const member = { user, ticket, key, life: session.lifetime?.idle };
    if (await this.membership.isMember(member, isRenewed)) return true;
    await removeSession(this.records, key, { version: session.takeVersion() });
    return false;
  }

  private stateOf(
    { ticket, key, found }: Successor,
    isRenewed: boolean,
    successorOf?: string,
  ): SessionState {
    const { createdAt } = found.record;
    const { generation } = this.keys;
    const { policy } = this;
    return new SessionState({
      ticket,
      key,
      createdAt,
      generation,
      policy,
      found,
      successorOf,
      isRenewed,
    });
  }
}
