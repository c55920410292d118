import { isFlashKey } from '../entry-value.js';
import { SessionDestroyedError, SessionLimitError } from '../errors.js';
import type { NewSessions } from '../new-sessions.js';
import type { SessionPolicy } from '../policy.js';
import type { KeepOptions } from '../session.js';
import type { SessionState } from '../session-state.js';
import { newHandle, type SessionUser } from '../session-user.js';
import type { SessionRecords, TracedRecord } from '../storage/records.js';
import { removeSession, type Removal } from '../storage/removal.js';
import type { UserMembership } from '../users/membership.js';
import {
  fieldsAfterSignIn,
  keepOnly,
  keepPredicate,
  type SessionMoves,
  type SignIn,
} from './moves.js';

/** Ends sessions, and begins others in their place: of another user, or anonymous ones. */
export class SessionReplacement {
  constructor(
    private readonly records: SessionRecords,
    private readonly newSessions: NewSessions,
    private readonly moves: SessionMoves,
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /** Removes the session from the store. Follows parallel rotations. */
  async destroy(session: SessionState): Promise<void> {
    await this.leaveAdopted(session);
    session.keepSecret();
    await this.end(session);
  }

  /**
   * Ends the session and replaces it by an anonymous one with the entries that `keep` names, with their values
   * at the end. A session that others have ended, or signed in with, is replaced by an empty one.
   */
  async signOut(session: SessionState, keep: KeepOptions['keep']): Promise<SessionState> {
    await this.leaveAdopted(session);
    session.keepSecret();
    const next = this.newSessions.begin();
    const keeps = keepPredicate(keep);
    session.entries.hasChanges(); // detects objects that were changed in place
    const own = session.entries.snapshot();
    if (session.status === 'new') {
      for (const key of session.entries.keys()) {
        if (keeps(key)) next.entries.set(key, session.entries.get(key));
      }
    }
    const changes = session.entries.takeChanges();
    const begin = async (newest?: TracedRecord) => {
      const entries = newest ? new Map(newest.record.entries) : own;
      if (newest) changes.applyTo(entries as Map<string, string>);
      await this.beginAnew(next, entries, (key) => keeps(key) && !isFlashKey(key));
    };
    try {
      const removal = await this.end(session, begin);
      if (removal === 'removed' || next.status === 'new') return next;
    } catch (error) {
      await this.newSessions.discard(next).catch(() => undefined);
      throw error;
    }
    await this.newSessions.discard(next);
    return this.newSessions.begin();
  }

  /** Stores the session under a new key. No client has it before the other session is ended. */
  private async beginAnew(
    session: SessionState,
    entries: ReadonlyMap<string, string>,
    keeps: (key: string) => boolean,
  ): Promise<void> {
    await this.newSessions.discard(session);
    this.newSessions.assignNewId(session);
    session.beginWith(new Map([...entries].filter(([key]) => keeps(key))));
    if (!session.entries.isEmpty) await this.newSessions.storeVerified(session);
  }

  /**
   * Gives a session another id before it is ended, if it has the one that leads here from another library's
   * cookie: its key stays closed, or a slow request that has read that library's record would adopt it again.
   * If the session then stays, because a sign-in is refused, the client needs that id.
   */
  async leaveAdopted(session: SessionState): Promise<void> {
    if (!session.isAdopted || session.status !== 'stored') return;
    try {
      await this.moves.regenerate(session, true);
    } catch (error) {
      if (!(error instanceof SessionDestroyedError)) throw error;
    }
  }

  /** Ends a session whose new id no client has. Branches of parallel requests stay. */
  async withdraw(session: SessionState): Promise<void> {
    const { ticket, key } = session;
    await this.end(session, undefined, (user) =>
      this.membership.removeBranch({ user, ticket, key }),
    );
  }

  private async end(
    session: SessionState,
    beforeRemoval?: (read?: TracedRecord) => Promise<void>,
    unlist = (user: SessionUser, removal: Removal) =>
      this.membership.remove(user, session.ticket, removal === 'gone'),
  ): Promise<Removal | undefined> {
    let removal: Removal | undefined;
    if (session.status === 'stored') {
      const version = session.takeVersion();
      removal = await removeSession(this.records, session.key, { version, beforeRemoval });
      // A session behind a border belongs to another sign-in.
      if (removal !== 'left') {
        this.policy.telemetry.emitOf('destroyed', session, { reason: 'requested' });
        if (session.user) await unlist(session.user, removal);
      }
    }
    session.ended();
    return removal;
  }

  /**
   * Signs a user in with a session that is not stored yet. `other`: the session of another user, which is ended
   * before a client gets the new id.
   *
   * @throws SessionLimitError, without any change, if the user has too many sessions
   */
  async signIn(
    session: SessionState,
    signIn: SignIn,
    other: SessionState | undefined,
  ): Promise<void> {
    const { userId, keep, client } = signIn;
    const since = this.policy.now();
    const fields = fieldsAfterSignIn(this.policy, session, signIn);
    const life = fields.lifetime?.idle;
    const { lifetime } = session;
    const user = { id: userId, handle: newHandle() };
    let from = other?.key;
    const reindex = async (why: 'taken' | 'closed' = 'closed') => {
      this.newSessions.assignNewId(session);
      // No client has this session before the other one is ended.
      const place = { user, key: session.key, client, life, from };
      if (why === 'closed') await this.membership.add(place);
      else await this.membership.rekey(place);
    };
    const begin = async (newest?: TracedRecord) => {
      // The other one may have got a new id: then that is the one to be ended.
      if (newest) from = newest.key;
      await this.newSessions.discard(session);
      session.adopt(fields);
      await reindex();
      keepOnly(session, keep);
      session.entries.hasChanges(); // detects objects that were changed in place
      session.signedInAs(user);
      await this.newSessions.storeVerified(session, reindex);
      session.awaitsDelivery(since);
    };
    try {
      // `close()` changes the other record before it gives the place away, so each attempt starts anew.
      const removal = other && (await this.end(other, begin));
      if (removal !== 'removed') {
        from = undefined;
        await begin();
      }
      this.policy.telemetry.emitOf('signed-in', session, {});
      session.entries.takeChanges();
    } catch (error) {
      if (!(error instanceof SessionLimitError)) await this.membership.remove(user, session.ticket);
      session.refused();
      session.adopt({ lifetime });
      throw error;
    }
  }
}
