import type { SessionTicket } from '../storage/keys.js';
import { withinLengths, type SessionClient, type SessionUser } from '../session-user.js';
import { SessionError } from '../errors.js';
import { checkInterval } from './checks.js';
import {
  endingSessions,
  movingTo,
  sessionIn,
  withoutSessions,
  withBranch,
  withMoved,
  withSession,
  type IndexedSession,
} from './index-format.js';
import type { FoundIndex } from './indexes.js';
import { enforceLimit } from './limit.js';
import type { UserLookup } from './lookup.js';

/** A session that is signed in, as its index has to name it. */
export interface Member {
  readonly user: SessionUser;
  readonly ticket: SessionTicket;
  readonly key: string;
}

/** A place in a user's index, for a session that is about to be stored. */
export interface Place {
  readonly user: SessionUser;
  readonly key: string;
  readonly client?: SessionClient;
  /** The store key of the session that it is now. */
  readonly from?: string | undefined;
  /** The index has the session already, and knows its key better: where it is going. */
  readonly listedTo?: string;
}

/** Keeps a user's index in step with what becomes of one session: signed in, used, moved, ended. */
export class UserMembership {
  private readonly underWay = new Map<string, Promise<boolean>>();

  constructor(private readonly lookup: UserLookup) {}

  /**
   * Signs a session in: to be done before its record is stored, so that whoever ends the user's
   * sessions after that finds it. Its place is kept for a few seconds until then; whoever gives it to
   * another session closes its key first.
   *
   * `undefined`: it was to be listed already, and is not, as it was ended.
   *
   * @throws SessionLimitError if there is no room for it
   */
  async enter({ client = {}, ...place }: Place): Promise<IndexedSession | undefined> {
    const { user, key, from, listedTo } = place;
    const seenAt = this.lookup.policy.now();
    const session = { handle: user.handle, key, seenAt, from, ...withinLengths(client) };
    const index = await enforceLimit(this.lookup, user.id, session, listedTo);
    await this.lookup.finish(this.indexKey(user, 0), index.ending);
    return sessionIn(index, user.handle);
  }

  /** Its key was taken. If it was ended meanwhile it stays so. */
  async rekey({ user, key, from }: Place): Promise<void> {
    const seenAt = this.lookup.policy.now();
    await this.lookup.indexes.change(this.indexKey(user, 0), (index) => {
      const session = sessionIn(index, user.handle);
      return session && withSession(index, { ...session, key, seenAt, from });
    });
  }

  /** Before a session moves to another key, over a border. `undefined`: it was ended. */
  async announceMove(user: SessionUser, to: string): Promise<IndexedSession | undefined> {
    const index = await this.lookup.indexes.change(this.indexKey(user, 0), (present) => {
      const session = sessionIn(present, user.handle);
      return session && withSession(present, movingTo(session, to));
    });
    return sessionIn(index, user.handle);
  }

  /** Before a session is under another key as well. `false`: it was ended. */
  async branch(user: SessionUser, key: string): Promise<boolean> {
    const indexKey = this.indexKey(user, 0);
    const index = await this.lookup.indexes.change(indexKey, (present) => {
      const session = sessionIn(present, user.handle);
      return session && withBranch(present, session, key);
    });
    await this.lookup.finish(indexKey, index.ending);
    return sessionIn(index, user.handle) !== undefined;
  }

  /**
   * Whether the session is signed in; asked of the store once in a while only. `isUse`: otherwise neither
   * the session nor the index is to live longer for it.
   */
  isMember(member: Member, isUse = true): boolean | Promise<boolean> {
    const { handle } = member.user;
    if (this.lookup.checks.isGood(handle, isUse)) return true;
    if (!isUse) return this.checkUnused(member);
    let check = this.underWay.get(handle);
    if (!check) {
      check = this.check(member).finally(() => this.underWay.delete(handle));
      this.underWay.set(handle, check);
    }
    return check;
  }

  /** The same for who only looks, and keeps neither the session nor the index alive. */
  async isListed({ user, ticket }: Member): Promise<boolean> {
    const { checks, indexes } = this.lookup;
    if (checks.isGood(user.handle)) return true;
    const found = await indexes.find(this.indexKey(user, ticket.secret), false);
    return sessionIn(found?.index, user.handle) !== undefined;
  }

  /** Before a session whose cookie an older secret signed gets a new id, under the newest. */
  async carryOver({ user, ticket }: Member): Promise<void> {
    if (ticket.secret === 0) return;
    const found = await this.lookup.indexes.find(this.indexKey(user, ticket.secret), false);
    const session = sessionIn(found?.index, user.handle);
    if (!session) return;
    await this.lookup.indexes.change(this.indexKey(user, 0), (index) =>
      withSession(index, session),
    );
  }

  /** After it got one. `false`: it was ended meanwhile. `before`: the ticket it had. */
  async follow({ user, key }: Member, before: SessionTicket, isSignIn = false): Promise<boolean> {
    let isMember = true;
    const oldKey = this.lookup.keys.of(before);
    const indexKey = this.indexKey(user, 0);
    await this.bestEffort(async () => {
      const { ending } = await this.lookup.indexes.change(indexKey, (index) => {
        const session = sessionIn(index, user.handle);
        isMember = session !== undefined;
        return session && withMoved(index, session, { oldKey, key, isSignIn });
      });
      if (isSignIn) await this.lookup.finish(indexKey, ending);
      if (before.secret !== 0) await this.drop(user, before.secret);
    });
    return isMember;
  }

  /** After its record is gone, so that a failure leaves no more than a name without a session. */
  leave(user: SessionUser, ticket: SessionTicket): Promise<void> {
    const indexKey = this.indexKey(user, ticket.secret);
    return this.bestEffort(async () => {
      const { ending } = await this.lookup.indexes.change(indexKey, (index) => {
        const session = sessionIn(index, user.handle);
        if (session?.beside) return endingSessions(index, [session]);
        return session && withoutSessions(index, new Set([user.handle]));
      });
      await this.lookup.finish(indexKey, ending);
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

  private async check(member: Member): Promise<boolean> {
    const { user, ticket, key } = member;
    const { indexes, checks, policy } = this.lookup;
    const indexKey = this.indexKey(user, ticket.secret);
    const found = await indexes.find(indexKey, true);
    const session = sessionIn(found?.index, user.handle);
    if (!found || !session) return false;
    checks.remember(user.handle, indexKey);
    const isMoved = session.key !== key && (await this.leadsElsewhere(user, session, key));
    if (session.key !== key && !isMoved) this.note(indexKey, { ...session, key }, found);
    else if (Math.abs(policy.now() - session.seenAt) >= checkInterval(policy)) {
      this.note(indexKey, session, found);
    }
    return true;
  }

  /** Whether the index knows better, as the session got a new id since this request read it. */
  private async leadsElsewhere(
    user: SessionUser,
    session: IndexedSession,
    key: string,
  ): Promise<boolean> {
    const found = await this.lookup.record(user.id, session);
    return found !== undefined && found.key !== key;
  }

  /** That the session is in use, and where. No request waits for it. */
  private note(indexKey: string, { handle, key }: IndexedSession, found: FoundIndex): void {
    const seenAt = this.lookup.policy.now();
    void this.bestEffort(async () => {
      await this.lookup.indexes.change(
        indexKey,
        (index) => {
          const session = sessionIn(index, handle);
          const noted = { key, seenAt, from: undefined, to: undefined };
          return session && withSession(index, { ...session, ...noted });
        },
        found,
      );
    });
  }

  private async drop(user: SessionUser, secret: number): Promise<void> {
    const handles = new Set([user.handle]);
    await this.lookup.indexes.change(this.indexKey(user, secret), (index) =>
      sessionIn(index, user.handle) ? withoutSessions(index, handles) : undefined,
    );
  }

  /** What the next check or the next list makes up for must not fail what is done already. */
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
