import type { SessionPolicy } from './policy.js';
import type { SessionState } from './session-state.js';
import { DELIVERY_MS } from './users/lookup.js';
import type { UserMembership } from './users/membership.js';

/**
 * Notes in users' indexes which new ids were sent. A process may die between a stored sign-in and its response;
 * the index then has to know that no client has this session.
 */
export class SessionDeliveries {
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly membership: UserMembership,
    private readonly policy: SessionPolicy,
  ) {}

  /** Whether the response takes so long that others may soon take the session for one that no client has. */
  isLate({ undeliveredSince, status }: SessionState): boolean {
    if (undeliveredSince === undefined || status !== 'stored') return false;
    return Math.abs(this.policy.now() - undeliveredSince) >= DELIVERY_MS / 2;
  }

  /** The response is about to be sent, late. If the session was ended meanwhile, it is lost. */
  async extend(session: SessionState): Promise<void> {
    const { user, key } = session;
    const now = this.policy.now();
    if (user && (await this.membership.awaitDelivery({ user, key }))) session.awaitsDelivery(now);
    else session.lost();
  }

  /** The response with its id has gone out. No request waits for the index. */
  sent(session: SessionState): void {
    if (session.undeliveredSince === undefined) return;
    const recording = this.record(session)
      .catch(() => this.record(session))
      .catch(ignore)
      .finally(() => this.pending.delete(recording));
    this.pending.add(recording);
  }

  private async record(session: SessionState): Promise<void> {
    const { user, key } = session;
    if (user) await this.membership.recordDelivery({ user, key });
    session.delivered();
  }

  /** Settles when the index knows all that were sent. */
  async settle(): Promise<void> {
    await Promise.all(this.pending);
  }
}

function ignore(): void {
  // The next use of the session updates the index.
}
