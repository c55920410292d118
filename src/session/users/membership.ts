import type { SessionTicket } from '../storage/keys.js';
import { withinLengths, type SessionClient, type SessionUser } from '../session-user.js';
import { SessionError } from '../errors.js';
import { checkInterval } from './checks.js';
import {
  awaitingDelivery,
  endingSessions,
  isUnchanged,
  keysOf,
  movingTo,
  sessionIn,
  withoutBranch,
  withoutSessions,
  withBranch,
  withDelivered,
  withMoved,
  withSession,
  type IndexedSession,
} from './index-format.js';
import type { FoundIndex } from './indexes.js';
import { enforceLimit } from './limit.js';
import type { UserLookup } from './lookup.js';

/** A signed-in session, as the user's index should list it. */
export interface Member {
  readonly user: SessionUser;
  readonly ticket: SessionTicket;
  readonly key: string;
  /** Seconds that it may be unused, if that is not what the options say. */
  readonly life?: number | undefined;
}

/** A place in a user's index for a session that is about to be stored. */
export interface Place {
  readonly user: SessionUser;
  readonly key: string;
  readonly client?: SessionClient;
  /** Seconds that it may be unused, if that is not what the options say. */
  readonly life?: number | undefined;
  /** The store key before the sign-in. */
  readonly from?: string | undefined;
  /** The session is already listed: the key that it is about to move to. */
  readonly listedTo?: string;
  /** The client has its id already: it is that of another library's cookie. */
  readonly isDelivered?: boolean;
}

/** The index is ahead of the move that is to be recorded. */
const PASSED = Symbol('passed');

/** Updates a user's index when a session signs in, is used, moves or ends. */
export class UserMembership {
  private readonly pendingChecks = new Map<string, Promise<boolean>>();
  /** Keys whose delivery is being recorded: their first use need not do that, too. */
  private readonly recordedKeys = new Set<string>();

  constructor(private readonly lookup: UserLookup) {}

  /**
   * Adds a session to the index before its record is stored, so that a request that ends the user's
   * sessions afterwards finds it. The place is kept for a few seconds until the record is there. Before
   * another session gets the place, the key is closed.
   *
   * `undefined`: `listedTo` was given, but the session was ended meanwhile.
   *
   * @throws SessionLimitError if the limit is reached
   */
  async add({ client = {}, ...place }: Place): Promise<IndexedSession | undefined> {
    const { user, key, from, life, listedTo, isDelivered = false } = place;
    const seenAt = this.lookup.policy.now();
    const session = { handle: user.handle, key, seenAt, from, life, ...withinLengths(client) };
    const index = await enforceLimit(this.lookup, user.id, session, { listedTo, isDelivered });
    await this.lookup.finishEnding(this.indexKey(user, 0), index.ending);
    return sessionIn(index, user.handle);
  }

  /** Sets another key, as the first was taken. A session that was ended meanwhile stays ended. */
  async rekey({ user, key, from }: Place): Promise<void> {
    await this.lookup.indexes.change(this.indexKey(user, 0), (index) => {
      const session = sessionIn(index, user.handle);
      const seenAt = this.lookup.policy.now();
      const undelivered = [[key, seenAt]] as const;
      return session && withSession(index, { ...session, key, seenAt, from, undelivered });
    });
  }

  /** Called before a session moves to another key, behind a border. `undefined`: it was ended. */
  async announceMove(user: SessionUser, to: string): Promise<IndexedSession | undefined> {
    const index = await this.lookup.indexes.change(this.indexKey(user, 0), (present) => {
      const session = sessionIn(present, user.handle);
      const now = this.lookup.policy.now();
      return session && withSession(present, movingTo(session, to, now));
    });
    return sessionIn(index, user.handle);
  }

  /** Called before a branch of a session is stored. `false`: the session was ended. */
  async branch(user: SessionUser, key: string): Promise<boolean> {
    const indexKey = this.indexKey(user, 0);
    const index = await this.lookup.indexes.change(indexKey, (present) => {
      const session = sessionIn(present, user.handle);
      const now = this.lookup.policy.now();
      return session && withBranch(present, awaitingDelivery(session, key, now), key);
    });
    await this.lookup.finishEnding(indexKey, index.ending);
    return sessionIn(index, user.handle) !== undefined;
  }

  /**
   * Whether the session is signed in. Reads the index at most once per `checkInterval()`. `isUse`: otherwise neither
   * the session nor the index is to live longer for it.
   */
  isMember(member: Member, isUse = true): boolean | Promise<boolean> {
    const { handle } = member.user;
    if (this.lookup.checks.isValid(handle, isUse)) return true;
    if (!isUse) return this.checkUnused(member);
    let check = this.pendingChecks.get(handle);
    if (!check) {
      check = this.check(member).finally(() => this.pendingChecks.delete(handle));
      this.pendingChecks.set(handle, check);
    }
    return check;
  }

  /** Like `isMember`, but extends neither the session's nor the index's life. */
  async isListed({ user, ticket }: Member): Promise<boolean> {
    const { checks, indexes } = this.lookup;
    if (checks.isValid(user.handle)) return true;
    const found = await indexes.find(this.indexKey(user, ticket.secret), false);
    return sessionIn(found?.index, user.handle) !== undefined;
  }

  /**
   * Copies the session to the index of the newest secret. Called before a session whose id an older
   * secret signed gets a new id, which the newest secret signs.
   */
  async copyToNewestIndex({ user, ticket }: Member): Promise<void> {
    if (ticket.secret === 0) return;
    const found = await this.lookup.indexes.find(this.indexKey(user, ticket.secret), false);
    const session = sessionIn(found?.index, user.handle);
    if (!session) return;
    await this.lookup.indexes.change(this.indexKey(user, 0), (index) =>
      withSession(index, session),
    );
  }

  /**
   * Called after a session got a new id. `before`: its ticket until then. `isUndelivered`: no client has the
   * id before this one either. `false`: it was ended meanwhile.
   */
  async recordMove(
    member: Member,
    before: SessionTicket,
    { isSignIn = false, isUndelivered = false } = {},
  ): Promise<boolean> {
    const { user, key } = member;
    let isMember = true;
    let branches: string[] = [];
    const oldKey = this.lookup.keys.of(before);
    const indexKey = this.indexKey(user, 0);
    await this.tryTwice(async () => {
      const { ending } = await this.lookup.indexes.change(indexKey, async (index) => {
        const session = sessionIn(index, user.handle);
        const from = session && (isSignIn ? oldKey : await this.placeOf(member, session, oldKey));
        isMember = from !== undefined;
        if (from === undefined || from === PASSED) return undefined;
        branches = keysOf(session!).filter((one) => one !== from && one !== key);
        const { now } = this.lookup.policy;
        const moving = isUndelivered ? awaitingDelivery(session!, key, now()) : session!;
        return withMoved(index, moving, { oldKey: from, key, isSignIn });
      });
      if (isSignIn) {
        await this.lookup.leaveBorders(branches, key);
        await this.lookup.finishEnding(indexKey, ending);
      }
      if (before.secret !== 0) await this.removeFromIndex(user, before.secret);
    });
    return isMember;
  }

  /**
   * The key of the index that a session has just moved on from. `PASSED`: another request has moved it on
   * since, and the index knows that. `undefined`: the index has others by now, as the user has signed in again,
   * which ended this one.
   */
  private async placeOf(
    { user, key }: Member,
    session: IndexedSession,
    oldKey: string,
  ): Promise<string | typeof PASSED | undefined> {
    const { beside = [] } = session;
    if (keysOf(session).includes(oldKey) || beside.includes(key)) return oldKey;
    const found = await this.lookup.record(user.id, session);
    // The index may be behind: its key leads here, or nowhere any more.
    if (!found || found.key === key) return session.key;
    const here = await this.lookup.record(user.id, { handle: user.handle, key, seenAt: 0 });
    if (here?.key === found.key) return PASSED;
    for (const one of beside) {
      if ((await this.lookup.record(user.id, { ...session, key: one }))?.key === key) return one;
    }
    return undefined;
  }

  /**
   * Called after a response has sent its new id. If this fails, its next use repairs the index; until then it
   * may count as a session that no client has.
   */
  async recordDelivery({ user, key }: Omit<Member, 'ticket'>): Promise<void> {
    const indexKey = this.indexKey(user, 0);
    this.recordedKeys.add(key);
    try {
      await this.lookup.indexes.change(indexKey, (index) => {
        const session = sessionIn(index, user.handle);
        const isNews = session && isUndeliveredAt(session, key);
        return isNews ? withSession(index, withDelivered(session, key)) : undefined;
      });
    } catch (error) {
      // Otherwise a use would rely on an earlier check, and leave the index as it is.
      this.lookup.checks.forget(indexKey);
      throw error;
    } finally {
      this.recordedKeys.delete(key);
    }
  }

  /** Called before its new id is sent, if that took long: the index waits anew. `false`: it was ended. */
  async awaitDelivery({ user, key }: Omit<Member, 'ticket'>): Promise<boolean> {
    const { indexes, policy } = this.lookup;
    const index = await indexes.change(this.indexKey(user, 0), (present) => {
      const session = sessionIn(present, user.handle);
      return session && withSession(present, awaitingDelivery(session, key, policy.now()));
    });
    return sessionIn(index, user.handle) !== undefined;
  }

  /** Called after a session got another lifetime: the index must outlive it, even if it is not used again. */
  recordLife({ user, ticket, life }: Omit<Member, 'key'>): Promise<void> {
    return this.tryTwice(async () => {
      await this.lookup.indexes.change(this.indexKey(user, ticket.secret), (index) => {
        const session = sessionIn(index, user.handle);
        return session && session.life !== life
          ? withSession(index, { ...session, life })
          : undefined;
      });
    });
  }

  /**
   * Called after its record was removed: a failure leaves a place in the index without a session, no
   * more. `isElsewhere`: its record was not found where it was, so it may have another id by now.
   */
  remove(user: SessionUser, ticket: SessionTicket, isElsewhere = false): Promise<void> {
    const indexKey = this.indexKey(user, ticket.secret);
    return this.bestEffort(async () => {
      const { ending } = await this.lookup.indexes.change(indexKey, (index) => {
        const session = sessionIn(index, user.handle);
        if (session && (session.beside || isElsewhere)) return endingSessions(index, [session]);
        return session && withoutSessions(index, new Set([user.handle]));
      });
      await this.lookup.finishEnding(indexKey, ending);
    });
  }

  private async checkUnused({ user, ticket }: Member): Promise<boolean> {
    const { indexes, checks } = this.lookup;
    const indexKey = this.indexKey(user, ticket.secret);
    const found = await indexes.find(indexKey, false);
    if (!sessionIn(found?.index, user.handle)) return false;
    checks.remember(user.handle, indexKey, false);
    return true;
  }

  /** Called after the record of a branch was removed: a parallel request has the session under another id. */
  removeBranch({ user, ticket, key }: Member): Promise<void> {
    return this.bestEffort(async () => {
      await this.lookup.indexes.change(this.indexKey(user, ticket.secret), (index) => {
        const session = sessionIn(index, user.handle);
        return session && withoutBranch(index, session, key);
      });
    });
  }

  private async check(member: Member): Promise<boolean> {
    const { user, ticket, key, life } = member;
    const { indexes, checks, policy } = this.lookup;
    const indexKey = this.indexKey(user, ticket.secret);
    const found = await indexes.find(indexKey, true);
    const session = sessionIn(found?.index, user.handle);
    if (!found || !session) return false;
    checks.remember(user.handle, indexKey);
    const isMoved = session.key !== key && (await this.hasMovedOn(user, session, key));
    if (session.key !== key && !isMoved) this.touch(indexKey, { ...session, key, life }, found);
    else if (
      (isUndeliveredAt(session, key) && !this.recordedKeys.has(key)) ||
      Math.abs(policy.now() - session.seenAt) >= checkInterval(policy) ||
      session.life !== life
    ) {
      this.touch(indexKey, { ...session, life }, found);
    }
    return true;
  }

  /** Whether the session got a new id since this request read it, so that the index is newer. */
  private async hasMovedOn(
    user: SessionUser,
    session: IndexedSession,
    key: string,
  ): Promise<boolean> {
    const found = await this.lookup.record(user.id, session);
    return found !== undefined && found.key !== key;
  }

  /** Stores when the session was last used, and its key. No request waits for it. */
  private touch(indexKey: string, { handle, key, life }: IndexedSession, found: FoundIndex): void {
    const seenAt = this.lookup.policy.now();
    const before = sessionIn(found.index, handle)!;
    void this.bestEffort(async () => {
      await this.lookup.indexes.change(
        indexKey,
        (index) => {
          const session = sessionIn(index, handle);
          // Another request has changed the session in the index meanwhile, and has its newer key.
          if (!session || !isUnchanged(before, session)) return undefined;
          const used = isUndeliveredAt(session, key) ? withDelivered(session, key) : session;
          const isThere = { from: undefined, to: undefined };
          return withSession(index, { ...used, key, seenAt, life, ...isThere });
        },
        found,
      );
    });
  }

  private async removeFromIndex(user: SessionUser, secret: number): Promise<void> {
    const handles = new Set([user.handle]);
    await this.lookup.indexes.change(this.indexKey(user, secret), (index) =>
      sessionIn(index, user.handle) ? withoutSessions(index, handles) : undefined,
    );
  }

  /**
   * As `bestEffort`, but tries again once: until the next check, the index would not know where the session
   * is, or for how long.
   */
  private async tryTwice(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      await this.bestEffort(work);
    }
  }

  /** Ignores store errors: the session's change is done, and the next check or list repairs the index. */
  private async bestEffort(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
    }
  }

  private indexKey(user: SessionUser, secret: number): string {
    return this.lookup.keys.ofUser(user.id, secret);
  }
}

/** Whether the index takes the id of this key for one that was not sent yet. */
function isUndeliveredAt({ undelivered = [] }: IndexedSession, key: string): boolean {
  return undelivered.some(([one]) => one === key);
}
