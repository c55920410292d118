import { retryOnConflict } from './compare-and-set.js';
import type { SessionChanges } from '../changes.js';
import type { FoundRecord, SessionRecords } from './records.js';
import type { SessionIdentity, SessionTelemetry } from '../telemetry.js';
import { SessionTooLargeError } from '../errors.js';

/** One request's changes to a session that is in the store. */
export interface Commit {
  readonly changes: SessionChanges;
  readonly cookieSentAt: number;
  /** Whose changes they are, for events. */
  readonly session?: { readonly identity: SessionIdentity } | undefined;
}

/**
 * - `stored`: under this key, which is another one if the session got a new id meanwhile; `isScheduled`
 *   says whether only because it was time;
 * - `gone`: the session was destroyed or ran out meanwhile, and is never written back; or somebody
 *   signed in with it, and has another one.
 */
export type CommitOutcome = { readonly stored: string; readonly isScheduled?: boolean } | 'gone';

interface WaitingCommit extends Commit {
  resolve(outcome: CommitOutcome): void;
  reject(error: unknown): void;
}

type Entries = Map<string, string>;

/**
 * Stores changes by compare-and-set, so that parallel requests lose nothing.
 *
 * In one process the commits of a session stand in line; those that wait behind one under way are
 * stored together by the next. So retries come only from other processes, and the cost of a write
 * falls as the crowd grows.
 */
export class SessionCommits {
  private readonly lines = new Map<string, WaitingCommit[]>();

  constructor(
    private readonly records: SessionRecords,
    private readonly telemetry: SessionTelemetry,
  ) {}

  /** `expected` is the record with the changes made, to be stored if nobody came in between. */
  async commit(key: string, commit: Commit, expected?: FoundRecord): Promise<CommitOutcome> {
    const line = this.lines.get(key);
    if (line) {
      return new Promise((resolve, reject) => line.push({ ...commit, resolve, reject }));
    }
    this.lines.set(key, []);
    try {
      return await this.storeAlone(key, commit, expected);
    } finally {
      void this.storeLine(key);
    }
  }

  private async storeAlone(
    key: string,
    commit: Commit,
    expected: FoundRecord | undefined,
  ): Promise<CommitOutcome> {
    if (expected) {
      const result = await this.records.update(key, expected.record, expected.version);
      if (result === 'stored') return { stored: key };
      if (result === 'gone') return 'gone';
      this.telemetry.emitOf('conflict', commit.session, {});
    }
    return this.merge(key, commit.session, (entries) => {
      commit.changes.applyTo(entries);
      return commit.cookieSentAt;
    });
  }

  /** Stores what came to wait, until nothing waits. */
  private async storeLine(key: string): Promise<void> {
    const line = this.lines.get(key) ?? [];
    while (line.length > 0) await this.storeBatch(key, line.splice(0));
    this.lines.delete(key);
  }

  private async storeBatch(key: string, batch: WaitingCommit[]): Promise<void> {
    try {
      await this.storeTogether(key, batch);
    } catch (error) {
      if (error instanceof SessionTooLargeError && batch.length > 1) {
        // Only some of them may be at fault: each for itself.
        for (const one of batch) await this.storeBatch(key, [one]);
      } else {
        for (const one of batch) one.reject(error);
      }
    }
  }

  private async storeTogether(key: string, batch: WaitingCommit[]): Promise<void> {
    let failed = new Map<WaitingCommit, unknown>();
    const outcome = await this.merge(key, batch[0]?.session, (entries) => {
      failed = new Map();
      for (const commit of batch) {
        const before = new Map(entries);
        try {
          commit.changes.applyTo(entries);
        } catch (error) {
          // What an update threw is the fault of that commit alone.
          failed.set(commit, error);
          entries.clear();
          for (const [entryKey, json] of before) entries.set(entryKey, json);
        }
      }
      return Math.max(...batch.map(({ cookieSentAt }) => cookieSentAt));
    });
    for (const commit of batch) {
      if (failed.has(commit)) commit.reject(failed.get(commit));
      else commit.resolve(outcome);
    }
  }

  /** Makes changes to the newest entries and stores them, again until nobody came in between. */
  private merge(
    firstKey: string,
    session: Commit['session'],
    applyTo: (entries: Entries) => number,
  ): Promise<CommitOutcome> {
    let key = firstKey;
    let isScheduled = true;
    return retryOnConflict<CommitOutcome>(async () => {
      const newest = await this.records.trace(key);
      if (!newest || newest === 'border') return 'gone';
      key = newest.key;
      isScheduled &&= newest.isScheduled;
      const entries: Entries = new Map(newest.record.entries);
      const cookieSentAt = Math.max(applyTo(entries), newest.record.cookieSentAt);
      const record = { ...newest.record, cookieSentAt, entries };
      const result = await this.records.update(key, record, newest.version);
      if (result === 'stored')
        return key === firstKey ? { stored: key } : { stored: key, isScheduled };
      if (result === 'gone') return 'gone';
      this.telemetry.emitOf('conflict', session, {});
      return 'changed';
    });
  }
}
