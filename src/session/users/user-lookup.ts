import type { StoreKeys } from '../session-keys.js';
import type { SessionPolicy } from '../session-policy.js';
import type { SessionRecord } from '../session-record.js';
import { removeSession } from '../session-removal.js';
import type { SessionRecords } from '../session-records.js';
import { endingSessions, withoutSessions, type IndexedSession } from './user-index.js';
import { UserChecks } from './user-checks.js';
import { UserIndexes } from './user-indexes.js';
import type { SessionStore } from '../session-store.js';

/** As long as a sign-in may take from its place in the index to its record, in milliseconds. */
const SIGN_IN_MS = 60_000;

/** A session of the index, and its record. */
export interface LiveSession extends IndexedSession {
  readonly record: SessionRecord;
}

/** A user's sessions, in the index and in the store. */
export class UserLookup {
  readonly indexes: UserIndexes;
  readonly checks: UserChecks;

  constructor(
    store: SessionStore,
    readonly records: SessionRecords,
    readonly keys: StoreKeys,
    readonly policy: SessionPolicy,
  ) {
    this.indexes = new UserIndexes(store, policy);
    this.checks = new UserChecks(policy);
  }

  /** The record of a session, through its forwarders, not renewed. */
  async record(userId: string, { key, handle }: IndexedSession): Promise<FoundAt | undefined> {
    for (let at = key; ;) {
      const found = await this.records.find(at, 0);
      if (!found) return undefined;
      if ('forwardTo' in found) {
        at = found.forwardTo;
        continue;
      }
      const { user } = found.record;
      const isTheirs = user?.id === userId && user.handle === handle;
      return isTheirs ? { key: at, record: found.record } : undefined;
    }
  }

  /** Those that are there. Those whose records are gone are taken out of the index. */
  async live(userId: string, indexKey: string): Promise<LiveSession[]> {
    const found = await this.indexes.find(indexKey, false);
    const { live, gone } = await this.sort(userId, found?.index.sessions ?? []);
    if (gone.size > 0) {
      await this.indexes.change(indexKey, (index) => withoutSessions(index, gone), found);
    }
    return live;
  }

  /** Tells those that are there from those that are gone; a sign-in under way is neither. */
  async sort(
    userId: string,
    sessions: readonly IndexedSession[],
  ): Promise<{ live: LiveSession[]; gone: Set<string> }> {
    const found = await Promise.all(sessions.map((session) => this.record(userId, session)));
    const live: LiveSession[] = [];
    const gone = new Set<string>();
    const now = this.policy.now();
    for (const [n, session] of sessions.entries()) {
      const record = found[n]?.record;
      if (record) live.push({ ...session, record });
      else if (now - session.seenAt >= SIGN_IN_MS) gone.add(session.handle);
    }
    return { live, gone };
  }

  /** Ends sessions: first the index names them no more, then their records go. Answers how many went. */
  async end(indexKey: string, isMeant: (session: IndexedSession) => boolean): Promise<number> {
    const { ending } = await this.indexes.change(indexKey, (index) => {
      const meant = index.sessions.filter(isMeant);
      return meant.length > 0 ? endingSessions(index, meant) : undefined;
    });
    this.checks.forget(indexKey);
    return this.finish(indexKey, ending);
  }

  /** Removes the records of sessions that are being ended, by whomever it was begun. */
  async finish(indexKey: string, ending: readonly string[]): Promise<number> {
    if (ending.length === 0) return 0;
    const ended = await Promise.all(ending.map((key) => removeSession(this.records, key)));
    await this.indexes.change(indexKey, (index) => ({
      ...index,
      ending: index.ending.filter((key) => !ending.includes(key)),
    }));
    const count = ended.filter(Boolean).length;
    for (let n = 0; n < count; n++) this.policy.telemetry.tell('destroyed', {});
    return count;
  }
}

interface FoundAt {
  readonly key: string;
  readonly record: SessionRecord;
}
