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
}

export const NO_SESSIONS: UserIndex = { sessions: [], ending: [] };

/** `[1,[["<handle>","<key>",<seen at>,"<user agent>","<ip>"]],["<key>"]]` */
const FORMAT = 1;

export function encodeIndex({ sessions, ending }: UserIndex): string {
  const rows = sessions.map(({ handle, key, seenAt, userAgent = null, ip = null }) => {
    return [handle, key, seenAt, userAgent, ip];
  });
  return JSON.stringify([FORMAT, rows, ending]);
}

/** Reads an index. Whatever is not what this module wrote is `undefined`. */
export function decodeIndex(text: string): UserIndex | undefined {
  const [format, rows, ending] = parseList(text);
  if (format !== FORMAT || !Array.isArray(rows) || !Array.isArray(ending)) return undefined;
  const sessions = rows.map(readSession);
  if (!sessions.every((session) => session !== undefined)) return undefined;
  return ending.every((key) => typeof key === 'string') ? { sessions, ending } : undefined;
}

function readSession(row: unknown): IndexedSession | undefined {
  if (!Array.isArray(row)) return undefined;
  const [handle, key, seenAt, userAgent, ip] = row as unknown[];
  if (typeof handle !== 'string' || typeof key !== 'string') return undefined;
  if (!Number.isFinite(seenAt) || !isTextOrNull(userAgent) || !isTextOrNull(ip)) return undefined;
  const client = { userAgent: userAgent ?? undefined, ip: ip ?? undefined };
  return { handle, key, seenAt: seenAt as number, ...client };
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

/** The same index without these sessions. */
export function withoutSessions(index: UserIndex, handles: ReadonlySet<string>): UserIndex {
  return { ...index, sessions: index.sessions.filter(({ handle }) => !handles.has(handle)) };
}

/** The same index with these sessions about to be ended. */
export function endingSessions(index: UserIndex, sessions: readonly IndexedSession[]): UserIndex {
  const { ending, ...rest } = withoutSessions(index, new Set(sessions.map(({ handle }) => handle)));
  return { ...rest, ending: [...ending, ...sessions.map(({ key }) => key)] };
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
