import { absoluteDeadline } from '../session-policy.js';
import { userOfSession } from '../session-object.js';
import { checkUserId } from '../session-user.js';
import type { SessionMembers } from '../session.js';
import type { LiveSession, UserLookup } from './user-lookup.js';

/** One of a user's sessions, as the user may see it. */
export interface SessionInfo {
  /** Names the session to `revoke()`, through every new id. It opens nothing, so it may be shown. */
  readonly handle: string;
  /** When the session began; a new id or a sign-in does not change it. */
  readonly createdAt: Date;
  /** When it was last used, to within a minute. */
  readonly lastSeenAt: Date;
  /** When it ends if it is not used again, to within a minute. */
  readonly expiresAt: Date;
  /** The `User-Agent` at the sign-in, 256 characters of it at most. */
  readonly userAgent?: string | undefined;
  /** The address at the sign-in, through the proxies that the framework trusts. */
  readonly ip?: string | undefined;
  /** Whether it is the one that was given as `current`. */
  readonly current: boolean;
}

/** A session, whatever its entries are. */
export type AnySession = Pick<SessionMembers, 'id' | 'userId' | 'signOut'>;

/**
 * The sessions of a user, wherever they were signed in: for a page of one's own devices, an admin's
 * page, a job. A singleton, which needs no request.
 *
 * @throws SessionStoreError from every method, if the store cannot be reached
 * @throws SessionValueError from every method, if the user id cannot be one
 */
export class UserSessions {
  readonly #lookup: UserLookup;

  constructor(lookup: UserLookup) {
    this.#lookup = lookup;
  }

  /**
   * The user's sessions that are there, the last seen first. To look does not keep them alive.
   * `current` marks the one that is this session.
   */
  async list(userId: string, { current }: { current?: AnySession } = {}): Promise<SessionInfo[]> {
    const own = current && userOfSession('current', current)?.handle;
    const lists = this.#indexKeys(userId).map((key) => this.#lookup.live(userId, key));
    const found = (await Promise.all(lists)).flat();
    // One that is about to get a new secret is named twice.
    const sessions = new Map(found.map((session) => [session.handle, session]));
    return [...sessions.values()]
      .map((session) => this.#infoOf(session, session.handle === own))
      .sort((one, other) => other.lastSeenAt.getTime() - one.lastSeenAt.getTime());
  }

  /**
   * Ends one session: to its next request, in whatever process, it is no session, and requests under
   * way do not write it back. `false`: the user has no such session.
   */
  async revoke(userId: string, handle: string): Promise<boolean> {
    return (await this.#end(userId, (one) => one === handle)) > 0;
  }

  /**
   * Ends all sessions of the user, or all but one. Answers how many there were. One that is signed in
   * meanwhile is ended, or was signed in after this.
   */
  async revokeAll(userId: string, { except }: { except?: AnySession } = {}): Promise<number> {
    const kept = except && userOfSession('except', except)?.handle;
    return this.#end(userId, (handle) => handle !== kept);
  }

  async #end(userId: string, isMeant: (handle: string) => boolean): Promise<number> {
    const keys = this.#indexKeys(userId);
    const ended = keys.map((key) => this.#lookup.end(key, ({ handle }) => isMeant(handle)));
    return (await Promise.all(ended)).reduce((sum, count) => sum + count, 0);
  }

  /** One for each secret. */
  #indexKeys(userId: string): string[] {
    checkUserId(userId);
    return this.#lookup.keys.allOfUser(userId);
  }

  #infoOf({ handle, seenAt, userAgent, ip, record }: LiveSession, current: boolean): SessionInfo {
    const { policy } = this.#lookup;
    const now = policy.now();
    const lastSeenAt = current ? now : seenAt;
    const idleDeadline = Math.max(now, lastSeenAt + policy.timeout * 1000);
    return {
      ...{ handle, userAgent, ip, current },
      createdAt: new Date(record.createdAt),
      lastSeenAt: new Date(lastSeenAt),
      expiresAt: new Date(Math.min(idleDeadline, absoluteDeadline(policy, record.createdAt))),
    };
  }
}
