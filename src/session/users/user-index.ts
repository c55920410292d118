import { isTime } from '../session-record.js';
import type { SessionClient } from '../session-user.js';

/** Which sessions a user is signed in with. One that it does not name is not signed in. */
export interface UserIndex {
  /** In the order of their sign-ins. */
  readonly sessions: readonly IndexedSession[];
  /** The store keys of sessions that are being ended, until their records are gone. */
  readonly ending: readonly string[];
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
}

/** New ids of one session that are good beside the last. */
const MAX_BESIDE = 4;

export const NO_SESSIONS: UserIndex = { sessions: [], ending: [] };

/**
 * `[1,[["<handle>","<key>",<seen at>,"<user agent>","<ip>"]],["<key>"]]`; after the address also the
 * key that it comes from, and those beside it, which older releases pass over.
 */
const FORMAT = 1;

/** As many sessions as an index names. */
export const MAX_INDEXED = 10_000;

export function encodeIndex({ sessions, ending }: UserIndex): string {
  const rows = sessions.map(
    ({ handle, key, seenAt, userAgent = null, ip = null, from, beside }) => {
      const more = beside ? [from ?? null, ...beside] : from === undefined ? [] : [from];
      return [handle, key, seenAt, userAgent, ip, ...more];
    },
  );
  return JSON.stringify([FORMAT, rows, ending]);
}

/** Reads an index. Whatever is not what this module wrote is `undefined`. */
export function decodeIndex(text: string): UserIndex | undefined {
  const [format, rows, ending] = parseList(text);
  if (format !== FORMAT || !Array.isArray(rows) || !Array.isArray(ending)) return undefined;
  if (rows.length > MAX_INDEXED || ending.length > MAX_INDEXED) return undefined;
  const sessions = rows.map(readSession);
  if (!sessions.every((session) => session !== undefined)) return undefined;
  return ending.every((key) => typeof key === 'string') ? { sessions, ending } : undefined;
}

function readSession(row: unknown): IndexedSession | undefined {
  if (!Array.isArray(row)) return undefined;
  const [handle, key, seenAt, userAgent, ip, from, ...others] = row as unknown[];
  if (typeof handle !== 'string' || typeof key !== 'string') return undefined;
  if (!isTime(seenAt) || !isTextOrNull(userAgent) || !isTextOrNull(ip)) return undefined;
  const client = { userAgent: userAgent ?? undefined, ip: ip ?? undefined };
  const origin = typeof from === 'string' ? { from } : undefined;
  const beside = others.filter((other) => typeof other === 'string');
  return { handle, key, seenAt, ...client, ...origin, ...(beside.length > 0 && { beside }) };
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
    const moved = { ...session, key, from: undefined, beside: undefined };
    const ended = [session.key, ...beside].filter((one) => beside.length > 0 && one !== oldKey);
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

/** The same index with these sessions about to be ended. */
export function endingSessions(index: UserIndex, sessions: readonly IndexedSession[]): UserIndex {
  const { ending, ...rest } = withoutSessions(index, new Set(sessions.map(({ handle }) => handle)));
  const keys = sessions.flatMap(({ key, beside = [] }) => [key, ...beside]);
  return { ...rest, ending: [...ending, ...keys] };
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function parseList(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
