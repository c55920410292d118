import type { SessionChanges } from './session-changes.js';
import type { FoundRecord, SessionRecords } from './session-records.js';
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
): Promise<'moved' | 'gone'> {
  let current = session.expected;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (!current) {
      const newest = await records.find(session.key);
      if (!newest) return 'gone';
      if ('forwardTo' in newest) throw newIdByOthers();
      const entries = new Map(newest.record.entries);
      session.changes.applyTo(entries);
      current = { version: newest.version, record: { ...newest.record, entries } };
    }
    const newKey = session.nextKey();
    if ((await records.create(newKey, renewed(current, session))) === 'taken') continue;
    const result = await forward(records, session.key, newKey, current.version);
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
  key: string,
  newKey: string,
  version: string,
): Promise<'stored' | 'changed' | 'gone'> {
  try {
    return await records.forward(key, newKey, version);
  } catch (error) {
    const now = await records.find(key);
    if (now && 'forwardTo' in now && now.forwardTo === newKey) return 'stored';
    throw error;
  }
}

function renewed({ record }: FoundRecord, session: Regeneration): FoundRecord['record'] {
  const entries = new Map([...record.entries].filter(([key]) => session.keeps(key)));
  return { createdAt: record.createdAt, cookieSentAt: session.cookieSentAt, entries };
}

/** Takes away what nobody was told of. */
async function discard(records: SessionRecords, key: string): Promise<void> {
  const found = await records.find(key);
  if (found && 'version' in found) await records.remove(key, found.version);
}
