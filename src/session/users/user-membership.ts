import type { SessionTicket } from '../session-keys.js';
import { withinLengths, type SessionClient, type SessionUser } from '../session-user.js';
import { SessionError } from '../session.errors.js';
import { checkInterval } from './user-checks.js';
import { sessionIn, withoutSessions, withSession, type IndexedSession } from './user-index.js';
import type { FoundIndex } from './user-indexes.js';
import { makeRoom } from './user-limit.js';
import type { UserLookup } from './user-lookup.js';

/** A session that is signed in, as its index has to name it. */
export interface Member {
  readonly user: SessionUser;
  readonly ticket: SessionTicket;
  readonly key: string;
}

/** Keeps a user's index in step with what becomes of one session: signed in, used, moved, ended. */
export class UserMembership {
  private readonly underWay = new Map<string, Promise<boolean>>();

  constructor(private readonly lookup: UserLookup) {}

  /**
   * Signs a session in: to be done before its record is stored, so that whoever ends the user's
   * sessions after that finds it.
   *
   * @throws SessionLimitError if there is no room for it
   */
  async enter(user: SessionUser, key: string, client: SessionClient): Promise<void> {
    const seenAt = this.lookup.policy.now();
    const session = { handle: user.handle, key, seenAt, ...withinLengths(client) };
    const indexKey = this.indexKey(user, 0);
    const { ending } = await makeRoom(this.lookup, user.id, session);
    await this.lookup.finish(indexKey, ending);
  }

  /** Whether the session is signed in; asked of the store once in a while only. */
  isMember(member: Member): boolean | Promise<boolean> {
    const { handle } = member.user;
    if (this.lookup.checks.isGood(handle)) return true;
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
  async follow({ user, key }: Member, before: SessionTicket): Promise<boolean> {
    let isMember = true;
    await this.bestEffort(async () => {
      await this.lookup.indexes.change(this.indexKey(user, 0), (index) => {
        const session = sessionIn(index, user.handle);
        isMember = session !== undefined;
        return session && withSession(index, { ...session, key });
      });
      if (before.secret !== 0) await this.drop(user, before.secret);
    });
    return isMember;
  }

  /** After its record is gone, so that a failure leaves no more than a name without a session. */
  leave(user: SessionUser, ticket: SessionTicket): Promise<void> {
    return this.bestEffort(() => this.drop(user, ticket.secret));
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
    else if (policy.now() - session.seenAt >= checkInterval(policy)) {
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
          return session && withSession(index, { ...session, key, seenAt });
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
