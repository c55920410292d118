import type { SessionChanges } from './session-changes.js';
import type { RenewalGrace } from './session-record.js';
import type { FoundRecord, Forwarding, SessionRecords } from './session-records.js';
import type { SessionUser } from './session-user.js';
import { isFlashKey } from './session-value.js';
import { SessionConflictError, tooManyConflicts } from './session.errors.js';

/** What a session is to become under its new id. */
export interface Regeneration {
  /** Where it is now. */
  readonly key: string;
  /** What the request changed and has not stored yet. */
  readonly changes: SessionChanges;
  /** The record as the request left it, if nobody else changed it since it was read. */
  readonly expected: FoundRecord | undefined;
  /** Where to put it; asked again for each attempt, as no key is used twice. */
  nextKey(): string;
  keeps(entryKey: string): boolean;
  readonly cookieSentAt: number;
  /** Who signs in with it. */
  readonly user?: SessionUser | undefined;
  /** Of the key that `nextKey` made last, if requests with the old id are to be let over to it. */
  grace?(): RenewalGrace;
}

/** Each failed attempt means that another request's change was stored. */
const MAX_ATTEMPTS = 50;

/**
 * Moves a session to a new key: the new record first, then a forwarder in place of the old one, if
 * that is still what was copied. So the session is in the store at every moment, and no change that
 * was stored under the old key is missing under the new one.
 */
export async function regenerate(
  records: SessionRecords,
  session: Regeneration,
): Promise<'moved' | 'moved by others' | 'gone'> {
  let { key } = session;
  let current = session.expected;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (!current) {
      const newest = await records.find(key);
      if (!newest) return 'gone';
      if ('forwardTo' in newest) {
        if (session.grace) return 'moved by others';
        if (!newest.grace) throw newIdByOthers();
        key = newest.forwardTo;
        continue;
      }
      const entries = new Map(newest.record.entries);
      session.changes.applyTo(entries);
      current = { version: newest.version, record: { ...newest.record, entries } };
    }
    const newKey = session.nextKey();
    if ((await records.create(newKey, renewed(current, session))) === 'taken') continue;
    const way = { from: key, to: newKey, version: current.version, grace: session.grace?.() };
    const result = await forward(records, way);
    if (result === 'stored') return 'moved';
    await discard(records, newKey);
    if (result === 'gone') return 'gone';
    current = undefined;
  }
  throw tooManyConflicts(MAX_ATTEMPTS);
}

/**
 * Another request gave the session a new id first. Whoever only holds the old one must not get the
 * new one (session fixation), nor sign in to a session that somebody else may have the id of.
 */
export function newIdByOthers(): SessionConflictError {
  return new SessionConflictError('Another request has just given the session a new id.');
}

/** Asks again what came of it if the answer was lost: the client must be told its new id. */
async function forward(
  records: SessionRecords,
  way: Forwarding,
): Promise<'stored' | 'changed' | 'gone'> {
  try {
    return await records.forward(way);
  } catch (error) {
    const now = await records.find(way.from);
    if (now && 'forwardTo' in now && now.forwardTo === way.to) return 'stored';
    throw error;
  }
}

function renewed({ record }: FoundRecord, session: Regeneration): FoundRecord['record'] {
  const keeps = (key: string) => isFlashKey(key) || session.keeps(key);
  const entries = new Map([...record.entries].filter(([key]) => keeps(key)));
  const { createdAt } = record;
  const user = session.user ?? record.user;
  return { createdAt, cookieSentAt: session.cookieSentAt, ...(user && { user }), entries };
}

/** Takes away what nobody was told of. */
async function discard(records: SessionRecords, key: string): Promise<void> {
  const found = await records.find(key);
  if (found && 'version' in found) await records.remove(key, found.version);
}
