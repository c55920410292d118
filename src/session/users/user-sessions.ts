import { absoluteDeadline, cookieLife, idleTimeout } from '../lifetime.js';
import { userOfSession } from '../session-object.js';
import { checkUserId } from '../session-user.js';
import type { ReadonlySession } from '../session.js';
import type { SessionGenerations } from '../storage/generations.js';
import type { LiveSession, UserLookup } from './lookup.js';

/** One of a user's sessions, as the user may see it. */
export interface SessionInfo {
  /** Identifies the session for `revoke()`, through every new id. It gives no access: safe to show. */
  readonly handle: string;
  /** When the session began; a new id or a sign-in does not change this. */
  readonly createdAt: Date;
  /** When the user last authenticated: by the sign-in, or by a later `confirmSignIn()`. */
  readonly signedInAt: Date;
  /** The idle timeout in seconds: `timeout`, or the value set by `remember` or `session.lifetime`. */
  readonly lifetime: number;
  /** Whether the browser keeps the cookie after it is closed, as for "remember me". */
  readonly persist: boolean;
  /** When it was last used, to within a minute. */
  readonly lastSeenAt: Date;
  /** When it ends if it is not used again, to within a minute. */
  readonly expiresAt: Date;
  /** The `User-Agent` at the sign-in, cut to 256 characters. */
  readonly userAgent?: string | undefined;
  /** The client's address at the sign-in, as seen through the proxies that the framework trusts. */
  readonly ip?: string | undefined;
  /** Whether it is the session given as `current`. */
  readonly current: boolean;
}

/** A session with entries of any type, also a read-only one. */
export type AnySession = Pick<ReadonlySession, 'id' | 'userId' | 'createdAt' | 'expiresAt'>;

/**
 * The sessions of a user, wherever they were signed in: for a "your devices" page, an admin page, a
 * job. A singleton; it needs no request.
 *
 * @throws SessionStoreError from every method, if the store cannot be reached
 * @throws SessionValueError from every method, if the user id is not valid
 */
export class UserSessions {
  readonly #lookup: UserLookup;
  readonly #generations: SessionGenerations;

  constructor(lookup: UserLookup, generations: SessionGenerations) {
    this.#lookup = lookup;
    this.#generations = generations;
  }

  /**
   * The user's live sessions, the last seen first. Listing does not keep them alive. `current` is the
   * session to mark as such, if it is among them.
   */
  async list(
    userId: string,
    { current }: { readonly current?: AnySession | undefined } = {},
  ): Promise<SessionInfo[]> {
    const own = current && userOfSession('current', current)?.handle;
    const lists = this.#indexKeys(userId).map((key) => this.#lookup.live(userId, key));
    const found = (await Promise.all(lists)).flat();
    // Two indexes list a session whose id is about to be signed by a newer secret.
    const sessions = new Map(found.map((session) => [session.handle, session]));
    return [...sessions.values()]
      .map((session) => this.#infoOf(session, session.handle === own))
      .sort((one, other) => other.lastSeenAt.getTime() - one.lastSeenAt.getTime());
  }

  /**
   * Ends one session: its next request, in any process, finds no session, and requests in flight do
   * not write it back. `false`: the user has no such session.
   */
  async revoke(userId: string, handle: string): Promise<boolean> {
    return (await this.#end(userId, (one) => one === handle)) > 0;
  }

  /**
   * Ends all sessions of the user, or all but `except`. Returns how many were ended. A session signed in
   * at the same moment is either ended too, or counts as signed in afterwards.
   */
  async revokeAll(
    userId: string,
    { except }: { readonly except?: AnySession | undefined } = {},
  ): Promise<number> {
    const kept = except && userOfSession('except', except)?.handle;
    return this.#end(userId, (handle) => handle !== kept);
  }

  /**
   * Ends every session of the application, of all users and of anonymous visitors, as after an incident: in
   * this process at once, in every other within `revokeEverybodyWithin` seconds. Sockets are closed. Records
   * are not removed, but no id leads to them any more. Applications that share store and `keyPrefix` share
   * this, too.
   *
   * @throws SessionOptionsError without the option `revokeEverybodyWithin`
   * @throws SessionStoreError if it could not be stored: call it again, as it may have been
   */
  revokeEverybody(): Promise<void> {
    return this.#generations.begin();
  }

  async #end(userId: string, matches: (handle: string) => boolean): Promise<number> {
    const keys = this.#indexKeys(userId);
    const ended = keys.map((key) => this.#lookup.end(key, ({ handle }) => matches(handle)));
    return (await Promise.all(ended)).reduce((sum, count) => sum + count, 0);
  }

  /** The user's index for each secret. */
  #indexKeys(userId: string): string[] {
    checkUserId(userId);
    return this.#lookup.keys.allOfUser(userId);
  }

  #infoOf({ handle, seenAt, userAgent, ip, record }: LiveSession, current: boolean): SessionInfo {
    const { policy } = this.#lookup;
    const now = policy.now();
    // The clock of another process may be ahead.
    const lastSeenAt = current ? now : Math.min(seenAt, now);
    const lifetime = idleTimeout(policy, record.lifetime);
    const idleDeadline = Math.max(now, lastSeenAt + lifetime * 1000);
    return {
      ...{ handle, userAgent, ip, current },
      createdAt: new Date(record.createdAt),
      signedInAt: new Date(record.signedInAt ?? record.createdAt),
      lifetime,
      persist: cookieLife(policy, record.lifetime) !== false,
      lastSeenAt: new Date(lastSeenAt),
      expiresAt: new Date(Math.min(idleDeadline, absoluteDeadline(policy, record))),
    };
  }
}
