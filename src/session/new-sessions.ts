import type { SessionPolicy } from './policy.js';
import { createVerified } from './rotation/regeneration.js';
import { SessionState } from './session-state.js';
import { retryOnConflict } from './storage/compare-and-set.js';
import { newTicket, type StoreKeys } from './storage/keys.js';
import type { SessionRecord } from './storage/record-format.js';
import type { SessionRecords } from './storage/records.js';
import { removeSession } from './storage/removal.js';

/** Begins sessions, and stores them for the first time. */
export class NewSessions {
  constructor(
    private readonly records: SessionRecords,
    private readonly keys: StoreKeys,
    private readonly policy: SessionPolicy,
  ) {}

  /** Creates an empty session. It is not stored before it is written to. */
  begin(): SessionState {
    const ticket = newTicket();
    const createdAt = this.policy.now();
    const { generation } = this.keys;
    const { policy } = this;
    return new SessionState({ ticket, key: this.keys.of(ticket), createdAt, generation, policy });
  }

  /** Gives it another id before it is stored. */
  assignNewId(session: SessionState): void {
    const ticket = newTicket(session.hasOwnLife);
    session.rename(ticket, this.keys.of(ticket));
  }

  /** Stores it, under another id if its own is taken. */
  async store(session: SessionState): Promise<void> {
    await this.create(session, createOnce, () => this.assignNewId(session));
  }

  /**
   * Stores it before its id is sent, and checks the store if the answer of the store was lost.
   * `assignNewId`: called if its key is taken, or was closed by others.
   */
  async storeVerified(
    session: SessionState,
    assignNewId: (why: 'taken' | 'closed') => unknown = () => this.assignNewId(session),
  ): Promise<void> {
    await this.create(session, createVerified, assignNewId);
  }

  /** Removes it again before a client got its id. */
  async discard(session: SessionState): Promise<void> {
    if (session.status !== 'stored') return;
    await removeSession(this.records, session.key);
    session.discarded();
  }

  private async create(
    session: SessionState,
    create: typeof createVerified,
    assignNewId: (why: 'taken' | 'closed') => unknown,
  ): Promise<void> {
    session.cookieSent(this.policy.now());
    // Two that close each other's keys need the back-off, and a store that says `taken` for ever the bound.
    await retryOnConflict(async () => {
      const result = await create(this.records, session.key, session.toRecord());
      if (result === 'stored') return result;
      await assignNewId(result);
      return 'changed';
    });
    session.created();
    this.policy.telemetry.emitOf('committed', session, { created: true });
  }
}

function createOnce(records: SessionRecords, key: string, record: SessionRecord) {
  return records.create(key, record);
}
