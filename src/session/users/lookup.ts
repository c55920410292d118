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
} from './index-format.js';
import { UserChecks } from './checks.js';
import { UserIndexes } from './indexes.js';
import type { SessionStore } from '../storage/store.js';

/**
 * How long a place in the index is kept for a session that nobody has yet, in milliseconds. A sign-in
 * that takes longer, or whose clock is another, finds its key closed, and takes its place anew.
 */
const RESERVED_MS = 5_000;

/** Sessions of a user that the store is asked for at a time. */
const TOGETHER = 100;

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

  /**
   * The record of a session, through its forwarders, not renewed. `undefined` also if nobody can have
   * it: the sign-in failed half way, and the session from before it goes on.
   */
  async record(userId: string, session: IndexedSession): Promise<TracedRecord | undefined> {
    const { key, handle, from, beside = [], to = [] } = session;
    if (from !== undefined && !(await this.leadsFrom(from, key))) return undefined;
    for (const one of [key, ...beside.toReversed(), ...to.toReversed()]) {
      const found = await this.recordAt(one, userId, handle);
      if (found) return found;
    }
    // The index knows only some of the ways, if many go at once.
    const end = await this.endOfWay(key);
    return end && end.key !== key ? this.recordAt(end.key, userId, handle) : undefined;
  }

  /** What a key leads to, over borders as well. */
  private async endOfWay(first: string): Promise<(FoundRecord & { key: string }) | undefined> {
    let key = first;
    for (let forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
      const found = await this.records.find(key, 0);
      if (!found) return undefined;
      if (!('forwardTo' in found)) return { ...found, key };
      if (found.forwardTo === key) return undefined; // closed
      key = found.forwardTo;
    }
    this.records.tellEndless();
    return undefined;
  }

  /**
   * The key of a session behind a border that the index does not name: it went there as it was ended, and
   * whoever has checked it before would take it for signed in.
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

  /** A time in the future is one of another clock, and must not keep a place for longer either. */
  private isReserved(since: number): boolean {
    return Math.abs(this.policy.now() - since) < RESERVED_MS;
  }

  /** Whether a session has moved on to that key, as far as anybody can still tell. */
  private async leadsFrom(from: string, key: string): Promise<boolean> {
    for (let at = from, forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
      const found = await this.records.find(at, 0);
      if (!found || !('forwardTo' in found)) return !found;
      // Closed: the session there ended.
      if (found.forwardTo === at && found.isBorder) return true;
      if (found.forwardTo === key || found.isBorder) return found.forwardTo === key;
      at = found.forwardTo;
    }
    // In a circle there is no session that could go on in place of this one.
    this.records.tellEndless();
    return true;
  }

  /** Those that are there. Those whose records are gone are taken out of the index. */
  async live(userId: string, indexKey: string): Promise<LiveSession[]> {
    const found = await this.indexes.find(indexKey, false);
    const { live, gone } = await this.sort(userId, found?.index.sessions ?? []);
    if (gone.length > 0) {
      await this.indexes.change(indexKey, (index) => withoutGone(index, gone), found);
    }
    return live;
  }

  /** Tells those that are there from those that are gone for good; a sign-in under way is neither. */
  async sort(
    userId: string,
    sessions: readonly IndexedSession[],
  ): Promise<{ live: LiveSession[]; gone: IndexedSession[] }> {
    const found = await inParts(sessions, (session) => this.record(userId, session));
    const live: LiveSession[] = [];
    const lost = sessions.filter((one, n) => !found[n] && !this.isReserved(one.seenAt));
    const isClosed = await inParts(lost, (session) => this.close(session));
    for (const [n, session] of sessions.entries()) {
      const record = found[n]?.record;
      if (record) live.push({ ...session, record });
    }
    return { live, gone: lost.filter((_, n) => isClosed[n]) };
  }

  /**
   * Makes sure that a session that is not there will not be: no clock tells a sign-in that failed from one
   * that is slow. `false`: it has come.
   */
  private async close({ key, from }: IndexedSession): Promise<boolean> {
    if (from === undefined) return this.records.close(key, { evenIfThere: false });
    const origin = await this.records.find(from, 0);
    if (!origin || 'forwardTo' in origin) {
      // What was not there a moment ago may have moved there since.
      return this.records.close(key, { evenIfThere: !(await this.leadsFrom(from, key)) });
    }
    // Of another version it is not the one that a sign-in under way would move.
    const { record, version } = origin;
    if ((await this.records.update(from, record, version)) !== 'stored') return false;
    return this.records.close(key, { evenIfThere: true });
  }

  /** Ends sessions: first the index names them no more, then their records go. Answers how many went. */
  async end(indexKey: string, isMeant: (session: IndexedSession) => boolean): Promise<number> {
    let meant: IndexedSession[] = [];
    const { ending } = await this.indexes.change(indexKey, (index) => {
      meant = index.sessions.filter(isMeant);
      return meant.length > 0 ? endingSessions(index, meant) : undefined;
    });
    this.checks.forget(indexKey);
    const removed = new Set(await this.finish(indexKey, ending));
    let count = 0;
    for (const session of meant) {
      // All of its keys are the same session.
      const keys = keysOf(session).filter((one) => removed.delete(one));
      if (keys.length > 0) count++;
    }
    return count + removed.size;
  }

  /** Removes the records of sessions that are being ended, by whomever it was begun. Answers which. */
  async finish(indexKey: string, ending: readonly string[]): Promise<string[]> {
    if (ending.length === 0) return [];
    const { telemetry } = this.policy;
    const remove = (key: string) =>
      removeSession(this.records, key, {
        onRemoved: (removed) =>
          telemetry.emitOf('destroyed', identified(removed), { reason: 'revoked' }),
      });
    const ended = await inParts(ending, remove);
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

/** Work for each of them, for so many at a time that nobody else has to wait long. */
async function inParts<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += TOGETHER) {
    results.push(...(await Promise.all(items.slice(from, from + TOGETHER).map(work))));
  }
  return results;
}
