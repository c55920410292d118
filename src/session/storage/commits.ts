import { retryOnConflict } from './compare-and-set.js';
import type { SessionChanges } from '../changes.js';
import type { RecordFields, SessionRecord } from './record-format.js';
import type { FoundRecord, SessionRecords } from './records.js';
import type { SessionIdentity, SessionTelemetry } from '../telemetry.js';
import { SessionTooLargeError } from '../errors.js';

/** One request's changes to a session that is in the store. */
export interface Commit {
  readonly changes: SessionChanges;
  /** What it changes besides the entries. */
  readonly fields?: RecordFields | undefined;
  readonly cookieSentAt: number;
  /** The session that events report. */
  readonly session?: { readonly identity: SessionIdentity } | undefined;
}

/**
 * - `stored`: under this key, a different one if the session got a new id meanwhile. `isScheduled`: only
 *   scheduled rotations led there;
 * - `gone`: the session was destroyed or has expired, and is never written back; or it moved behind a border.
 */
export type CommitOutcome = { readonly stored: string; readonly isScheduled?: boolean } | 'gone';

interface WaitingCommit extends Commit {
  resolve(outcome: CommitOutcome): void;
  reject(error: unknown): void;
}

type Entries = Map<string, string>;
type OtherFields = RecordFields & Pick<SessionRecord, 'cookieSentAt'>;

/**
 * Stores changes by compare-and-set, so that parallel requests lose nothing.
 *
 * In one process the commits of a session wait in a queue: those that arrive during a commit are stored
 * together by the next one. So only other processes cause conflicts, and the more requests are parallel,
 * the less each write costs.
 */
export class SessionCommits {
  private readonly queues = new Map<string, WaitingCommit[]>();

  constructor(
    private readonly records: SessionRecords,
    private readonly telemetry: SessionTelemetry,
  ) {}

  /** `expected`: the record with the changes, to be stored if no other request has changed it since. */
  async commit(key: string, commit: Commit, expected?: FoundRecord): Promise<CommitOutcome> {
    const queue = this.queues.get(key);
    if (queue) {
      return new Promise((resolve, reject) => queue.push({ ...commit, resolve, reject }));
    }
    this.queues.set(key, []);
    try {
      return await this.storeAlone(key, commit, expected);
    } finally {
      void this.storeQueue(key);
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
      return { cookieSentAt: commit.cookieSentAt, ...commit.fields };
    });
  }

  /** Stores the waiting commits until the queue is empty. */
  private async storeQueue(key: string): Promise<void> {
    const queue = this.queues.get(key) ?? [];
    while (queue.length > 0) await this.storeBatch(key, queue.splice(0));
    this.queues.delete(key);
  }

  private async storeBatch(key: string, batch: WaitingCommit[]): Promise<void> {
    try {
      await this.storeTogether(key, batch);
    } catch (error) {
      if (error instanceof SessionTooLargeError && batch.length > 1) {
        // Maybe only some of them are too large: store each alone.
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
          // An error of an update fails only its own commit.
          failed.set(commit, error);
          entries.clear();
          for (const [entryKey, json] of before) entries.set(entryKey, json);
        }
      }
      const cookieSentAt = Math.max(...batch.map((commit) => commit.cookieSentAt));
      const stored = batch.filter((commit) => !failed.has(commit));
      return Object.assign({ cookieSentAt }, ...stored.map(({ fields }) => fields)) as OtherFields;
    });
    for (const commit of batch) {
      if (failed.has(commit)) commit.reject(failed.get(commit));
      else commit.resolve(outcome);
    }
  }

  /** Applies changes to the newest entries and stores them; repeats this on a conflict. */
  private merge(
    firstKey: string,
    session: Commit['session'],
    applyTo: (entries: Entries) => OtherFields,
  ): Promise<CommitOutcome> {
    let key = firstKey;
    let isScheduled = true;
    return retryOnConflict<CommitOutcome>(async () => {
      const newest = await this.records.trace(key, 0);
      if (!newest || newest === 'border') return 'gone';
      key = newest.key;
      isScheduled &&= newest.isScheduled;
      const entries: Entries = new Map(newest.record.entries);
      const fields = applyTo(entries);
      const cookieSentAt = Math.max(fields.cookieSentAt, newest.record.cookieSentAt);
      const record = { ...newest.record, ...fields, cookieSentAt, entries };
      const result = await this.records.update(key, record, newest.version);
      if (result === 'stored')
        return key === firstKey ? { stored: key } : { stored: key, isScheduled };
      if (result === 'gone') return 'gone';
      this.telemetry.emitOf('conflict', session, {});
      return 'changed';
    });
  }
}
