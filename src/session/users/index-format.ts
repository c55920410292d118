import { isTime } from '../storage/record-format.js';
import type { SessionClient } from '../session-user.js';

/** Which sessions a user is signed in with. One that it does not name is not signed in. */
export interface UserIndex {
  /** In the order of their sign-ins. */
  readonly sessions: readonly IndexedSession[];
  /** The store keys of sessions that are being ended, until their records are gone. */
  readonly ending: readonly string[];
  /** Fields that a newer release has stored, to be kept. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface IndexedSession extends SessionClient {
  readonly handle: string;
  /** Its store key, or one from which a forwarder leads there. */
  readonly key: string;
  /** When it was last seen, in milliseconds since 1970; a minute old at most while it is in use. */
  readonly seenAt: number;
  /** The store key of the session that it was before: until that leads here, nobody has it. */
  readonly from?: string | undefined;
  /** Other store keys of it, of new ids that it was given at the same moment. They end with it. */
  readonly beside?: readonly string[] | undefined;
  /** Store keys that it was about to get behind a border: if its record is at one, it is there. */
  readonly to?: readonly string[] | undefined;
  /** Fields that a newer release has stored, to be kept. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

/** New ids of one session that are good beside the last. */
const MAX_BESIDE = 4;

/** New ids that one session may be about to get at once. */
const MAX_TO = 4;

export const NO_SESSIONS: UserIndex = { sessions: [], ending: [] };

/**
 * The format, version 2:
 *
 * ```
 * [2,[["<handle>","<key>",<seen at>,{"userAgent":"…","ip":"…"}]],["<ending key>"]]
 * ```
 *
 * A session's last element holds fields by name and is absent if there are none. Fields that this release
 * does not know, of a newer one in a rolling deployment, are kept when the index is rewritten.
 */
const VERSION = 2;

/** As many sessions as an index names. */
export const MAX_INDEXED = 10_000;

export function encodeIndex({ sessions, ending, more }: UserIndex): string {
  const rows = sessions.map(({ handle, key, seenAt, more, userAgent, ip, from, beside, to }) => {
    const fields = { ...more, userAgent, ip, from, beside, to };
    const isBare = Object.values(fields).every((value) => value === undefined);
    return isBare ? [handle, key, seenAt] : [handle, key, seenAt, fields];
  });
  return JSON.stringify([VERSION, rows, ending, ...(more ? [more] : [])]);
}

/** Reads an index of this version, the one before, or a newer one. `undefined`: it is none. */
export function decodeIndex(text: string): UserIndex | undefined {
  const [version, rows, ending, more] = parseList(text);
  if (!Number.isInteger(version) || (version as number) < 1) return undefined;
  if (!Array.isArray(rows) || !Array.isArray(ending)) return undefined;
  if (rows.length > MAX_INDEXED || ending.length > MAX_INDEXED) return undefined;
  const sessions = rows.map(version === 1 ? readVersion1 : readSession);
  if (!sessions.every((session) => session !== undefined)) return undefined;
  if (!ending.every((key) => typeof key === 'string')) return undefined;
  return { sessions, ending, ...(isFields(more) && { more }) };
}

function readSession(row: unknown): IndexedSession | undefined {
  if (!Array.isArray(row)) return undefined;
  const [handle, key, seenAt, fields = {}] = row as unknown[];
  if (typeof handle !== 'string' || typeof key !== 'string' || !isTime(seenAt)) return undefined;
  if (!isFields(fields)) return undefined;
  const { userAgent, ip, from, beside, to, ...others } = fields;
  if (!isOptionalText(userAgent) || !isOptionalText(ip) || !isOptionalText(from)) return undefined;
  if (!isOptionalTexts(beside) || !isOptionalTexts(to)) return undefined;
  const more = Object.keys(others).length > 0 && { more: others };
  return { handle, key, seenAt, userAgent, ip, from, beside, to, ...more };
}

/** A row of version 1: `[handle, key, seenAt, userAgent or null, ip or null, from or null, ...beside]`. */
function readVersion1(row: unknown): IndexedSession | undefined {
  if (!Array.isArray(row)) return undefined;
  const [handle, key, seenAt, userAgent, ip, from, ...others] = row as unknown[];
  const beside = others.filter((other) => typeof other === 'string');
  const fields = {
    userAgent: userAgent ?? undefined,
    ip: ip ?? undefined,
    from: typeof from === 'string' ? from : undefined,
    beside: beside.length > 0 ? beside : undefined,
  };
  return readSession([handle, key, seenAt, fields]);
}

/** The session of this handle. */
export function sessionIn(
  index: UserIndex | undefined,
  handle: string,
): IndexedSession | undefined {
  return index?.sessions.find((session) => session.handle === handle);
}

/** The same index with a session put in: in the place of the one of its handle, or as the last. */
export function withSession(index: UserIndex, session: IndexedSession): UserIndex {
  const isNew = !sessionIn(index, session.handle);
  const sessions = index.sessions.map((one) => (one.handle === session.handle ? session : one));
  return { ...index, sessions: isNew ? [...sessions, session] : sessions };
}

/** All store keys that it may be under. */
export function keysOf({ key, beside = [], to = [] }: IndexedSession): string[] {
  return [key, ...beside, ...to];
}

/** The same index without that key as one that a session may move to: another one is there. */
export function withoutWayTo(index: UserIndex, key: string): UserIndex {
  const sessions = index.sessions.map((session) =>
    session.to?.includes(key)
      ? { ...session, to: session.to.filter((one) => one !== key) }
      : session,
  );
  return { ...index, sessions };
}

/** A session that is about to be under another key, behind a border. */
export function movingTo(session: IndexedSession, key: string): IndexedSession {
  return { ...session, to: [...(session.to ?? []).slice(1 - MAX_TO), key] };
}

/** The same index with a session under another key as well; of too many all but the first and the last end. */
export function withBranch(index: UserIndex, session: IndexedSession, key: string): UserIndex {
  const beside = [...(session.beside ?? []), session.key];
  // The way from the old id leads to the first: it tells others that the session is alive.
  const ended = beside.splice(1, Math.max(0, beside.length - MAX_BESIDE));
  const branched = { ...session, key, beside, from: undefined };
  return { ...withSession(index, branched), ending: [...index.ending, ...ended] };
}

/** The same index with a session moved to another key; a sign-in ends those beside it. */
export function withMoved(
  index: UserIndex,
  session: IndexedSession,
  { oldKey, key, isSignIn }: { oldKey: string; key: string; isSignIn: boolean },
): UserIndex {
  const { beside = [] } = session;
  if (isSignIn) {
    const moved = { ...session, key, from: undefined, beside: undefined, to: undefined };
    const ended = keysOf(session).filter((one) => one !== oldKey && one !== key);
    return { ...withSession(index, moved), ending: [...index.ending, ...ended] };
  }
  if (!beside.includes(oldKey)) return withSession(index, { ...session, key, from: undefined });
  const moved = beside.map((one) => (one === oldKey ? key : one));
  return withSession(index, { ...session, beside: moved });
}

/** The same index without these sessions. */
export function withoutSessions(index: UserIndex, handles: ReadonlySet<string>): UserIndex {
  return { ...index, sessions: index.sessions.filter(({ handle }) => !handles.has(handle)) };
}

/** The same index without these sessions, unless they have been in use, or moved, since they were looked for. */
export function withoutGone(index: UserIndex, gone: readonly IndexedSession[]): UserIndex {
  const isGone = (session: IndexedSession) =>
    gone.some((one) => one.handle === session.handle && isUnchanged(one, session));
  return { ...index, sessions: index.sessions.filter((session) => !isGone(session)) };
}

function isUnchanged(before: IndexedSession, after: IndexedSession): boolean {
  const { key, seenAt, to = [] } = before;
  return key === after.key && seenAt === after.seenAt && to.length === (after.to ?? []).length;
}

/** The same index with these sessions about to be ended. */
export function endingSessions(index: UserIndex, sessions: readonly IndexedSession[]): UserIndex {
  const { ending, ...rest } = withoutSessions(index, new Set(sessions.map(({ handle }) => handle)));
  const keys = sessions.flatMap(keysOf);
  return { ...rest, ending: [...ending, ...keys] };
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isOptionalTexts(value: unknown): value is string[] | undefined {
  if (value === undefined) return true;
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function parseList(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
