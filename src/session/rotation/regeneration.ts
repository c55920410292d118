import { retryOnConflict } from '../storage/compare-and-set.js';
import type { SessionChanges } from '../changes.js';
import type { RecordFields, RotationGrace, SessionRecord } from '../storage/record-format.js';
import {
  MAX_FORWARDERS,
  type FoundForwarder,
  type FoundRecord,
  type Forwarding,
  type SessionRecords,
} from '../storage/records.js';
import { handleOf, type SessionUser } from '../session-user.js';
import { isFlashKey } from '../entry-value.js';
import { SessionConflictError, SessionStoreError, SessionStoreRefusal } from '../errors.js';

/** How a session gets a new id. */
export interface Regeneration {
  /** Its store key until now. */
  readonly key: string;
  /** The request's changes that are not stored yet. */
  readonly changes: SessionChanges;
  /** The record with the request's changes, valid if no other request has changed it since the read. */
  readonly expected: FoundRecord | undefined;
  /** Returns the new store key. Called again only if that is taken, or was closed. */
  nextKey(whyAgain?: 'taken' | 'closed'): string | Promise<string>;
  keeps(entryKey: string): boolean;
  readonly cookieSentAt: number;
  /** The user that an anonymous session is signed in as. */
  readonly user?: SessionUser | undefined;
  /** What changes besides the entries. */
  readonly fields?: RecordFields | undefined;
  /** Lets requests with the old id use the last key of `nextKey`. Absent: the old id is invalid at once. */
  readonly grace?: () => RotationGrace;
  /** Requests in flight do not follow the forwarder. */
  readonly isBorder?: boolean;
  /** The new id belongs to a sign-in. */
  readonly isSignIn?: boolean;
  /** Absent: nothing is done if another request gave the session a new id. */
  readonly branch?: Branch | undefined;
}

/** For the case that another request gave the session a new id, which its client may know already. */
export interface Branch {
  /** The session as this request sees it. */
  readonly own: SessionRecord;
  /** The key by which it was found, if another request moved it from there. */
  readonly leftKey: string | undefined;
  /** Whether another request moved it by `regenerate()` or `signIn()`, not on schedule. */
  readonly supersededElsewhere: boolean;
  /** Adds the branch to the index, before it is stored. Returns the user that is signed in with it. */
  begin(): Promise<SessionUser | undefined>;
}

/**
 * - `moved`: the session has the new key;
 * - `branched`: another request had moved it; a branch of it has the new key;
 * - `overtaken`: another request had moved it; nothing was done;
 * - `gone`: it was ended, or has expired.
 */
export type Regenerated = 'moved' | 'branched' | 'overtaken' | 'gone';

/**
 * Moves a session to a new key: stores the new record first, then replaces the old one with a forwarder,
 * by compare-and-set. So the session is in the store at every moment, and no change that was stored under
 * the old key is missing under the new one.
 *
 * If another request moved it first, its client may know that id already. The session then stays there,
 * and this request gets a branch: neither client may learn the other's id (session fixation), and neither
 * may lose its own.
 */
export async function regenerate(
  records: SessionRecords,
  session: Regeneration,
): Promise<Regenerated> {
  const { branch } = session;
  const next = new NewRecord(records, session);
  let { key } = session;
  let leftKey = branch?.leftKey;
  // A branch replaces no record, which would show that the session has not ended since it was read.
  let current = leftKey === undefined ? session.expected : undefined;
  const attempt = async (): Promise<Regenerated | 'changed'> => {
    if (!current) {
      const newest = await records.find(key, 0);
      if (!newest) return next.discard('gone');
      if ('forwardTo' in newest) {
        if (!branch) return next.discard('overtaken');
        const from = leftKey ?? key;
        key = newest.forwardTo;
        if (newest.grace) {
          leftKey = from;
          return 'changed';
        }
        if (!session.isSignIn && !(await mayBranch(records, newest, branch))) {
          return next.discard('gone');
        }
        return next.branch(branch, branch.own, from);
      }
      const entries = new Map(newest.record.entries);
      session.changes.applyTo(entries);
      current = { version: newest.version, record: { ...newest.record, entries } };
    }
    if (branch && leftKey !== undefined) {
      return next.branch(branch, branch.supersededElsewhere ? branch.own : current.record, leftKey);
    }
    await next.put(current.record, session.user);
    const result = await next.forwardFrom(key, current.version);
    if (result === 'stored') return 'moved';
    if (result === 'gone') return next.discard('gone');
    current = undefined;
    return 'changed';
  };
  try {
    return await retryOnConflict(attempt);
  } catch (error) {
    if (error instanceof SessionConflictError) await next.discard('overtaken');
    throw error;
  }
}

type Stored = 'stored' | 'taken' | 'closed';

/** The record under the new key. No client knows its id before the session has moved. */
class NewRecord {
  private key: string | undefined;

  constructor(
    private readonly records: SessionRecords,
    private readonly session: Regeneration,
  ) {}

  /** Stores the record, or replaces it after a conflict. */
  async put(from: SessionRecord, user: SessionUser | undefined): Promise<void> {
    const record = recordAfter(from, this.session, user);
    let result: Stored | undefined =
      this.key === undefined ? undefined : await this.replace(this.key, record);
    while (result !== 'stored') {
      this.key = await this.session.nextKey(result);
      result = await createVerified(this.records, this.key, record);
    }
  }

  /** Also `'closed'` if the record was removed: its place in the index then belongs to another session. */
  private async replace(key: string, record: SessionRecord): Promise<'stored' | 'closed'> {
    const found = await this.records.find(key, 0);
    if (!found || 'forwardTo' in found) return 'closed';
    const result = await this.records.update(key, record, found.version);
    return result === 'stored' ? 'stored' : 'closed';
  }

  /** Replaces the old record with a forwarder. If the answer is lost, reads it again: the client must get its new id. */
  async forwardFrom(from: string, version: string): Promise<'stored' | 'changed' | 'gone'> {
    const { grace, isBorder, isSignIn } = this.session;
    const forwarding = { from, to: this.key!, version, isBorder, isSignIn, grace: grace?.() };
    try {
      return await this.records.forward(forwarding);
    } catch (error) {
      const isDone = await hasHappened(error, () => hasMoved(this.records, forwarding));
      if (isDone) return 'stored';
      // The index may name the new key: its record would count as a session that no client has.
      if (isDone === false) await this.discard(undefined).catch(() => undefined);
      throw error;
    }
  }

  async branch(branch: Branch, from: SessionRecord, leftKey: string): Promise<'branched'> {
    try {
      const user = await branch.begin();
      await this.put(from, user);
      await this.closeForwarder(leftKey);
      return 'branched';
    } catch (error) {
      // The index may name its key: the record would count as a session that no client has.
      await this.discard(undefined).catch(() => undefined);
      throw error;
    }
  }

  /** Removes the new record, whose id no client knows. */
  async discard<T>(result: T): Promise<T> {
    const found = this.key === undefined ? undefined : await this.records.find(this.key, 0);
    if (found && !('forwardTo' in found)) await this.records.remove(this.key!, found.version);
    return result;
  }

  /**
   * Invalidates the id that the request came with, also within the grace period. Requests in flight follow
   * the other request as before: a border is between them and this branch, which they are not led to.
   */
  private async closeForwarder(from: string): Promise<void> {
    await retryOnConflict(async () => {
      const forwarder = await this.records.find(from, 0);
      if (!forwarder || !('forwardTo' in forwarder) || !forwarder.grace) return 'closed';
      const { forwardTo: to, version } = forwarder;
      return this.records.forward({ from, to, version });
    });
  }
}

/**
 * Creates a record under a key that no other request can have. If the answer is lost, reads the record
 * again, so that a lost answer alone neither fails the request nor leaves a session without a client.
 */
export async function createVerified(
  records: SessionRecords,
  key: string,
  record: SessionRecord,
): Promise<Stored> {
  const isThere = async () => {
    const found = await records.find(key, 0);
    return found !== undefined && !('forwardTo' in found);
  };
  try {
    if ((await records.create(key, record)) === 'stored') return 'stored';
    const found = await records.find(key, 0);
    // Nothing found: a durable tier, for example, was just asked for it, maybe in order to close the key.
    return found && !('forwardTo' in found) ? 'taken' : 'closed';
  } catch (error) {
    if (await hasHappened(error, isThere)) return 'stored';
    throw error;
  }
}

/** If `false`, a late move cannot succeed either: the rewrite gives the record another version. */
function hasMoved(records: SessionRecords, forwarder: Forwarding): Promise<boolean> {
  return retryOnConflict<boolean>(async () => {
    const now = await records.find(forwarder.from, 0);
    if (!now) return false;
    if ('forwardTo' in now) return now.forwardTo === forwarder.to;
    if (now.version !== forwarder.version) return false;
    const result = await records.update(forwarder.from, now.record, now.version);
    return result === 'changed' ? result : false;
  });
}

/** `undefined`: it is unknown. */
async function hasHappened(
  error: unknown,
  check: () => Promise<boolean>,
): Promise<boolean | undefined> {
  // A refusal is an answer, not a lost one.
  if (!(error instanceof SessionStoreError) || error instanceof SessionStoreRefusal)
    return undefined;
  return check().catch(() => undefined);
}

/**
 * Whether a request that did not sign in may get a branch: not if the session was ended after its move,
 * nor if its user has signed in again, which ends branches. Extends no life.
 */
async function mayBranch(
  records: SessionRecords,
  forwarder: FoundForwarder,
  { own }: Branch,
): Promise<boolean> {
  let at = forwarder;
  for (let forwarders = 0; forwarders <= MAX_FORWARDERS; forwarders++) {
    if (at.isSignIn && own.user) return false;
    const found = await records.find(at.forwardTo, 0);
    if (!found || !('forwardTo' in found)) return found !== undefined;
    at = found;
  }
  return false;
}

function recordAfter(
  record: SessionRecord,
  session: Regeneration,
  signedIn: SessionUser | undefined,
): SessionRecord {
  const keeps = (key: string) => isFlashKey(key) || session.keeps(key);
  const entries = new Map([...record.entries].filter(([key]) => keeps(key)));
  const { createdAt, more, handle = handleOf(session.key) } = record;
  const { signedInAt, lifetime } = { ...record, ...session.fields };
  const user = signedIn ?? record.user;
  const who = user ? { user, signedInAt } : { handle };
  const { cookieSentAt } = session;
  return { createdAt, cookieSentAt, ...who, lifetime, entries, ...(more && { more }) };
}
