import { retryOnConflict } from '../storage/compare-and-set.js';
import type { StoreKeys } from '../storage/keys.js';
import type { SessionPolicy } from '../policy.js';
import type { SessionRecord } from '../storage/record-format.js';
import { removeSession } from '../storage/removal.js';
import {
  identified,
  MAX_FORWARDERS,
  type FoundRecord,
  type SessionRecords,
  type TracedRecord,
} from '../storage/records.js';
import {
  endingSessions,
  keysOf,
  sessionIn,
  withoutGone,
  type IndexedSession,
  type Undelivered,
} from './index-format.js';
import { UserChecks } from './checks.js';
import { UserIndexes } from './indexes.js';
import type { SessionStore } from '../storage/store.js';

/**
 * How long the index keeps a place for a session whose record is not stored yet, in milliseconds. After that another
 * process may close the key of the record. A sign-in that is slower, or whose process has another clock, then finds its
 * key closed and takes a new place in the index.
 */
const RESERVED_MS = 5_000;

/**
 * How long a session waits for the response that sends its new id, in milliseconds. If its process has died
 * by then, no client has the session.
 */
export const DELIVERY_MS = 10_000;

/** How many records of a user are read at a time. */
const BATCH_SIZE = 100;

/** A session of the index, with its record. */
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

  /**
   * Reads the record of a session, through its forwarders, without renewing it. `undefined`: it has no record, or its
   * sign-in was not completed. In the second case the session from before the sign-in still exists, and no client has
   * the new one.
   */
  async record(userId: string, session: IndexedSession): Promise<TracedRecord | undefined> {
    const { key, handle, from, beside = [], to = [] } = session;
    if (from !== undefined && !(await this.leadsFrom(from, key))) return undefined;
    for (const one of [key, ...beside.toReversed(), ...to.toReversed()]) {
      const found = await this.recordAt(one, userId, handle);
      if (found) return found;
    }
    // If several requests move the session at the same time, the index does not have all of its keys.
    const end = await this.endOfWay(key);
    return end && end.key !== key ? this.recordAt(end.key, userId, handle) : undefined;
  }

  /** The record at the end of all forwarders from a key, borders included. */
  private async endOfWay(first: string): Promise<(FoundRecord & { key: string }) | undefined> {
    let key = first;
    for (let forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
      const found = await this.records.find(key, 0);
      if (!found) return undefined;
      if (!('forwardTo' in found)) return { ...found, key };
      if (found.forwardTo === key) return undefined; // closed
      key = found.forwardTo;
    }
    this.records.warnOfForwarderLoop();
    return undefined;
  }

  /**
   * The key behind a border of a session whose handle is not in the index. The session moved to that key while it was
   * being ended. Its record has to be removed, because a process that has checked the session before would accept it.
   */
  private async unlistedBehind(indexKey: string, key: string): Promise<string | undefined> {
    const end = await this.endOfWay(key);
    const user = end?.record.user;
    if (!user || !this.keys.allOfUser(user.id).includes(indexKey)) return undefined;
    const found = await this.indexes.find(indexKey, false);
    return sessionIn(found?.index, user.handle) ? undefined : end.key;
  }

  private async recordAt(
    key: string,
    userId: string,
    handle: string,
  ): Promise<TracedRecord | undefined> {
    const found = await this.records.trace(key, 0);
    if (!found || found === 'border') return undefined;
    const { user } = found.record;
    return user?.id === userId && user.handle === handle ? found : undefined;
  }

  /**
   * Whether a place was taken less than `RESERVED_MS` ago. A time in the future comes from another clock, and counts as
   * over if it is as far away.
   */
  private isReserved(since: number): boolean {
    return Math.abs(this.policy.now() - since) < RESERVED_MS;
  }

  /** Whether a session has moved from one key to the other, or may have, because its forwarders are gone or closed. */
  private async leadsFrom(from: string, key: string): Promise<boolean> {
    for (let at = from, forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
      const found = await this.records.find(at, 0);
      if (!found || !('forwardTo' in found)) return !found;
      // A forwarder to its own key closes it: the session there has ended.
      if (found.forwardTo === at && found.isBorder) return true;
      if (found.forwardTo === key || found.isBorder) return found.forwardTo === key;
      at = found.forwardTo;
    }
    // Forwarders that lead in a circle do not lead to another session.
    this.records.warnOfForwarderLoop();
    return true;
  }

  /** The sessions that have a record. Removes the others from the index. */
  async live(userId: string, indexKey: string): Promise<LiveSession[]> {
    const found = await this.indexes.find(indexKey, false);
    const { live, gone } = await this.classify(userId, found?.index.sessions ?? []);
    if (gone.length > 0) {
      await this.indexes.change(indexKey, (index) => withoutGone(index, gone), found);
    }
    return live;
  }

  /**
   * Divides sessions into `live` ones, `gone` ones, whose records can no longer be stored, and `abandoned` ones, which
   * no client has. A sign-in in progress is in none of the three lists.
   */
  async classify(
    userId: string,
    sessions: readonly IndexedSession[],
  ): Promise<{ live: LiveSession[]; gone: IndexedSession[]; abandoned: IndexedSession[] }> {
    const found = await inBatches(sessions, (session) => this.record(userId, session));
    const isAbandoned = await inBatches(sessions, async (session, n) =>
      found[n] ? this.isAbandoned(userId, session) : false,
    );
    const live: LiveSession[] = [];
    const lost = sessions.filter((one, n) => !found[n] && !this.isReserved(one.seenAt));
    const isClosed = await inBatches(lost, (session) => this.close(session));
    for (const [n, session] of sessions.entries()) {
      const record = found[n]?.record;
      if (record && !isAbandoned[n]) live.push({ ...session, record });
    }
    const gone = lost.filter((_, n) => isClosed[n]);
    return { live, gone, abandoned: sessions.filter((_, n) => isAbandoned[n]) };
  }

  /** Whether the process of a session died before a client got its id, and no other id leads to the session. */
  private async isAbandoned(userId: string, session: IndexedSession): Promise<boolean> {
    const { handle, undelivered = [] } = session;
    const isWaiting = ([, since]: Undelivered) => Math.abs(this.policy.now() - since) < DELIVERY_MS;
    if (undelivered.length === 0 || undelivered.some(isWaiting)) return false;
    const isUnknown = (key: string) => undelivered.some(([one]) => one === key);
    let isThere = false;
    for (const key of keysOf(session)) {
      const found = await this.recordAt(key, userId, handle);
      if (!found) continue;
      if (!isUnknown(key) && !isUnknown(found.key)) return false;
      isThere = true;
    }
    return isThere;
  }

  /**
   * Makes sure that a missing record cannot be stored later, because a slow sign-in cannot be distinguished from one
   * that failed. `false`: the record has been stored meanwhile.
   */
  private async close({ key, from }: IndexedSession): Promise<boolean> {
    if (from === undefined) return this.records.close(key, { evenIfThere: false });
    const origin = await this.records.find(from, 0);
    if (!origin || 'forwardTo' in origin) {
      // The session may have moved to this key since it was read.
      return this.records.close(key, { evenIfThere: !(await this.leadsFrom(from, key)) });
    }
    // A sign-in in progress moves only the version that it has read. Writing the record again makes a new version.
    const { record, version } = origin;
    if ((await this.records.update(from, record, version)) !== 'stored') return false;
    return this.records.close(key, { evenIfThere: true });
  }

  /** Ends sessions: removes them from the index first, then their records. Returns how many were ended. */
  async end(indexKey: string, matches: (session: IndexedSession) => boolean): Promise<number> {
    let matching: IndexedSession[] = [];
    const { ending } = await this.indexes.change(indexKey, (index) => {
      matching = index.sessions.filter(matches);
      return matching.length > 0 ? endingSessions(index, matching) : undefined;
    });
    this.checks.forget(indexKey);
    const removed = new Set(await this.finishEnding(indexKey, ending));
    let count = 0;
    for (const session of matching) {
      // The session counts once, however many of its keys had a record.
      const keys = keysOf(session).filter((one) => removed.delete(one));
      if (keys.length > 0) count++;
    }
    return count + removed.size;
  }

  /**
   * Leaves borders in the other branches of the session, because a sign-in is a border for these, too. A request that
   * had read one of them then cannot end the session behind the border.
   */
  async leaveBorders(branches: readonly string[], to: string): Promise<void> {
    const leaveBorder = async (branch: string) => {
      const newest = await this.records.trace(branch, 0);
      if (!newest || newest === 'border' || newest.key === to) return 'gone';
      const { key: from, version } = newest;
      return this.records.forward({ from, to, version, isBorder: true, isSignIn: true });
    };
    await inBatches(branches, (branch) => retryOnConflict(() => leaveBorder(branch)));
  }

  /** Removes the records of sessions that any process is ending. Returns the keys whose records this call removed. */
  async finishEnding(indexKey: string, ending: readonly string[]): Promise<string[]> {
    if (ending.length === 0) return [];
    const { telemetry } = this.policy;
    const remove = (key: string) =>
      removeSession(this.records, key, {
        onRemoved: (removed) =>
          telemetry.emitOf('destroyed', identified(removed), { reason: 'revoked' }),
      });
    const ended = await inBatches(ending, remove);
    for (const [n, key] of ending.entries()) {
      const behind = ended[n] === 'left' && (await this.unlistedBehind(indexKey, key));
      if (behind) ended[n] = await remove(behind);
    }
    const done = new Set(ending);
    await this.indexes.change(indexKey, (index) => ({
      ...index,
      ending: index.ending.filter((key) => !done.has(key)),
    }));
    return ending.filter((_, n) => ended[n] === 'removed');
  }
}

/** Works on a limited number of items at a time, so that other requests do not wait long. */
async function inBatches<T, R>(
  items: readonly T[],
  work: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += BATCH_SIZE) {
    const batch = items.slice(from, from + BATCH_SIZE);
    results.push(...(await Promise.all(batch.map((item, n) => work(item, from + n)))));
  }
  return results;
}
