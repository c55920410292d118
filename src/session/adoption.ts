import { SessionLimitError, SessionTooLargeError, type SessionError } from './errors.js';
import type { ForeignEntries, ForeignSession } from './foreign-session.js';
import type { SessionPolicy } from './policy.js';
import type { SessionRecords } from './storage/records.js';
import type { SessionTicket, StoreKeys } from './storage/keys.js';
import { handleOf, type SessionClient } from './session-user.js';
import type { UserMembership } from './users/membership.js';

/** Stores sessions of other libraries, each under an id that is derived from its own. */
export class SessionAdoption {
  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /**
   * Stores the session here, then destroys the other library's. Returns the reason if it cannot be stored: its
   * user has too many sessions, or it is larger than a record may be.
   */
  async carryOver(
    foreign: ForeignSession,
    client: SessionClient,
  ): Promise<SessionError | undefined> {
    const entries = await foreign.read();
    if (!entries) return undefined;
    try {
      await this.adopt(foreign.ticket, entries, client);
    } catch (error) {
      // The visitor has no session and can sign in, instead of being locked out.
      if (error instanceof SessionLimitError || error instanceof SessionTooLargeError) return error;
      throw error;
    }
    await foreign.destroy();
    return undefined;
  }

  /** Stores a session, unless another request has done so already. */
  private async adopt(
    ticket: SessionTicket,
    { entries, userId }: ForeignEntries,
    client: SessionClient,
  ): Promise<void> {
    const key = this.keys.of(ticket);
    const createdAt = this.policy.now();
    const record = { createdAt, cookieSentAt: 0, entries };
    if (userId === undefined) {
      await this.records.create(key, record);
      return;
    }
    // Otherwise a late request would list a session that has a new id, or has ended.
    if (await this.records.find(key, 0)) return;
    // The same handle for all parallel requests, so that they take one place of the user.
    const user = { id: userId, handle: handleOf(key) };
    await this.membership.add({ user, key, client, isDelivered: true });
    try {
      // It is not known when the user authenticated, so this must never count as a recent sign-in.
      await this.records.create(key, { ...record, user, signedInAt: 0 });
    } catch (error) {
      await this.membership.remove(user, ticket);
      throw error;
    }
  }
}
