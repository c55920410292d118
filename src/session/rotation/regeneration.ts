import { retryOnConflict } from '../storage/compare-and-set.js';
import type { SessionChanges } from '../changes.js';
import type { RotationGrace, SessionRecord } from '../storage/record-format.js';
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

/** What a session is to become under its new id. */
export interface Regeneration {
  /** Where it is now. */
  readonly key: string;
  /** What the request changed and has not stored yet. */
  readonly changes: SessionChanges;
  /** The record as the request left it, if nobody else changed it since it was read. */
  readonly expected: FoundRecord | undefined;
  /** Where to put it; asked again only if that is taken, or its place there was given away. */
  nextKey(whyAgain?: 'taken' | 'closed'): string | Promise<string>;
  keeps(entryKey: string): boolean;
  readonly cookieSentAt: number;
  /** Who signs in with it. */
  readonly user?: SessionUser | undefined;
  /** Of the key that `nextKey` made last, if requests with the old id are to be let over to it. */
  readonly grace?: () => RotationGrace;
  /** Requests that had read it do not follow. */
  readonly isBorder?: boolean;
  /** Somebody signs in, who has proved who he is. */
  readonly isSignIn?: boolean;
  /** Absent: it is left alone if another request gave it a new id. */
  readonly branch?: Branch | undefined;
}

/** What becomes of it if another request gave it a new id, which that one's client may have been told. */
export interface Branch {
  /** As the request sees it. */
  readonly own: SessionRecord;
  /** Where it was found, if another request has moved it from there. */
  readonly leftKey: string | undefined;
  /** Whether another request was asked to move it from there. */
  readonly supersededElsewhere: boolean;
  /** Makes a place for the branch, before it is stored; answers who is signed in with it. */
  begin(): Promise<SessionUser | undefined>;
}

/**
 * - `moved`: the session is under the new key, and nowhere else;
 * - `branched`: another request had moved it, and there is another one under the new key;
 * - `overtaken`: another request had moved it, and nothing was done;
 * - `gone`: it was ended, or ran out.
 */
export type Regenerated = 'moved' | 'branched' | 'overtaken' | 'gone';

/**
 * Moves a session to a new key: the new record first, then a forwarder in place of the old one, if
 * that is still what was copied. So the session is in the store at every moment, and no change that
 * was stored under the old key is missing under the new one.
 *
 * If another request was first, its client may have been told that id, or be about to be. So the
 * session stays there, and this request gets one of its own (`branch`): neither must learn the
 * other's id (session fixation), nor is either's to be taken away.
 */
export async function regenerate(
  records: SessionRecords,
  session: Regeneration,
): Promise<Regenerated> {
  const { branch } = session;
  const next = new NewRecord(records, session);
  let { key } = session;
  let current = session.expected;
  let leftKey = branch?.leftKey;
  const attempt = async (): Promise<Regenerated | 'changed'> => {
    if (!current) {
      const newest = await records.find(key);
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
    const result = await forward(records, next.wayFrom(key, current.version));
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

/** The record under the new key, which nobody knows before the session has moved there. */
class NewRecord {
  private key: string | undefined;

  constructor(
    private readonly records: SessionRecords,
    private readonly session: Regeneration,
  ) {}

  /** Stores it, or what it is to be now. */
  async put(from: SessionRecord, user: SessionUser | undefined): Promise<void> {
    const record = recordAfter(from, this.session, user);
    let result: Stored | undefined =
      this.key === undefined ? undefined : await this.replace(this.key, record);
    while (result !== 'stored') {
      this.key = await this.session.nextKey(result);
      result = await createSurely(this.records, this.key, record);
    }
  }

  /** `'closed'` also if it was ended: its place went to another one. */
  private async replace(key: string, record: SessionRecord): Promise<'stored' | 'closed'> {
    const found = await this.records.find(key);
    if (!found || 'forwardTo' in found) return 'closed';
    const result = await this.records.update(key, record, found.version);
    return result === 'stored' ? 'stored' : 'closed';
  }

  wayFrom(from: string, version: string): Forwarding {
    const { grace, isBorder, isSignIn } = this.session;
    return { from, to: this.key!, version, isBorder, isSignIn, grace: grace?.() };
  }

  async branch(branch: Branch, from: SessionRecord, leftKey: string): Promise<'branched'> {
    const user = await branch.begin();
    await this.put(from, user);
    await this.closeWay(leftKey);
    return 'branched';
  }

  /** Takes away what nobody was told of. */
  async discard<T>(result: T): Promise<T> {
    const found = this.key === undefined ? undefined : await this.records.find(this.key);
    if (found && !('forwardTo' in found)) await this.records.remove(this.key!, found.version);
    return result;
  }

  /** The id that the request came with is no session any more, even if it was renewed just now. */
  private async closeWay(from: string): Promise<void> {
    const { isBorder = false, isSignIn = false } = this.session;
    await retryOnConflict(async () => {
      const way = await this.records.find(from);
      if (!way || !('forwardTo' in way) || isClosed(way, isBorder)) return 'closed';
      const { forwardTo: to, version } = way;
      return this.records.forward({ from, to, version, isBorder, isSignIn });
    });
  }
}

function isClosed(way: FoundForwarder, isBorder: boolean): boolean {
  return way.isBorder === true || (!isBorder && !way.grace);
}

/**
 * Creates a record under a key that nobody else can have. Asks again what came of it if the answer was
 * lost, so that nobody is refused, or counts as signed in, for that alone.
 */
export async function createSurely(
  records: SessionRecords,
  key: string,
  record: SessionRecord,
): Promise<Stored> {
  const isThere = async () => {
    const found = await records.find(key);
    return found !== undefined && !('forwardTo' in found);
  };
  try {
    if ((await records.create(key, record)) === 'stored') return 'stored';
    const found = await records.find(key);
    return found && 'forwardTo' in found ? 'closed' : 'taken';
  } catch (error) {
    if (await cameTrue(error, isThere)) return 'stored';
    throw error;
  }
}

/** Asks again what came of it if the answer was lost: the client must be told its new id. */
async function forward(
  records: SessionRecords,
  way: Forwarding,
): Promise<'stored' | 'changed' | 'gone'> {
  try {
    return await records.forward(way);
  } catch (error) {
    if (await cameTrue(error, () => hasMoved(records, way))) return 'stored';
    throw error;
  }
}

/** If it has not, it will not either: the record gets another version, for which a late move is not. */
function hasMoved(records: SessionRecords, way: Forwarding): Promise<boolean> {
  return retryOnConflict<boolean>(async () => {
    const now = await records.find(way.from);
    if (!now) return false;
    if ('forwardTo' in now) return now.forwardTo === way.to;
    if (now.version !== way.version) return false;
    const result = await records.update(way.from, now.record, now.version);
    return result === 'changed' ? result : false;
  });
}

async function cameTrue(error: unknown, look: () => Promise<boolean>): Promise<boolean> {
  // A refusal is an answer.
  if (!(error instanceof SessionStoreError) || error instanceof SessionStoreRefusal) return false;
  return look().catch(() => false);
}

/**
 * Whether a request that did not sign in may go on beside: not if the session was ended where it went,
 * nor as a user who has signed in again, and so has left this session behind. Keeps nothing alive.
 */
async function mayBranch(
  records: SessionRecords,
  way: FoundForwarder,
  { own }: Branch,
): Promise<boolean> {
  let at = way;
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
  const user = signedIn ?? record.user;
  const who = user ? { user } : { handle };
  return { createdAt, cookieSentAt: session.cookieSentAt, ...who, entries, ...(more && { more }) };
}
