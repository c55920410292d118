import { isTime } from '../storage/record-format.js';
import type { SessionClient } from '../session-user.js';

/** The sessions that a user is signed in with. A session that is not listed is not signed in. */
export interface UserIndex {
  /** In the order of their sign-ins. */
  readonly sessions: readonly IndexedSession[];
  /** The store keys of sessions that are being ended, until their records are gone. */
  readonly ending: readonly string[];
  /** Unknown fields, stored by a newer release. They are kept. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface IndexedSession extends SessionClient {
  readonly handle: string;
  /** Its store key, or a key whose forwarder leads to it. */
  readonly key: string;
  /** When it was last used, in milliseconds since 1970. At most a minute behind while it is in use. */
  readonly seenAt: number;
  /**
   * The store key before the sign-in. Until a forwarder leads from there to `key`, no client has the
   * session.
   */
  readonly from?: string | undefined;
  /** Store keys of its branches: parallel requests gave it several new ids. They end with it. */
  readonly beside?: readonly string[] | undefined;
  /** Seconds that it may be unused, if that is not what the options say. */
  readonly life?: number | undefined;
  /** Store keys that it was about to move to, behind a border. If its record is at one, it has moved. */
  readonly to?: readonly string[] | undefined;
  /** Keys whose ids were not sent yet, the oldest first. If its record is at one, no client has it. */
  readonly undelivered?: readonly Undelivered[] | undefined;
  /** Unknown fields, stored by a newer release. They are kept. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

/** A store key, and when a new id led to it, in milliseconds since 1970. */
export type Undelivered = readonly [key: string, since: number];

/** The number of other branches that stay valid beside the newest. */
const MAX_BESIDE = 4;

/** The number of moves of one session that may be in progress at a time. */
const MAX_TO = 4;

export const NO_SESSIONS: UserIndex = { sessions: [], ending: [] };

/**
 * The format, version 2:
 *
 * ```
 * [2,[["<handle>","<key>",<seen at>,{"userAgent":"…","ip":"…"}]],["<ending key>"]]
 * ```
 *
 * A session's last element holds fields by name and is absent if there are none. In a rolling deployment a
 * newer release may store fields that this one does not know: they are kept when the index is rewritten.
 */
const VERSION = 2;

/** The largest number of sessions in an index. */
export const MAX_INDEXED = 10_000;

export function encodeIndex({ sessions, ending, more }: UserIndex): string {
  const rows = sessions.map(({ handle, key, seenAt, more, ...session }) => {
    const { userAgent, ip, from, beside, to, undelivered, life } = session;
    const fields = { ...more, userAgent, ip, from, beside, to, undelivered, life };
    const hasNoFields = Object.values(fields).every((value) => value === undefined);
    return hasNoFields ? [handle, key, seenAt] : [handle, key, seenAt, fields];
  });
  return JSON.stringify([VERSION, rows, ending, ...(more ? [more] : [])]);
}

/** Decodes an index of version 1, 2 or newer. `undefined`: the text is not an index. */
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
  const { userAgent, ip, from, beside, to, undelivered, life, ...others } = fields;
  if (!isOptionalText(userAgent) || !isOptionalText(ip) || !isOptionalText(from)) return undefined;
  if (!isOptionalTexts(beside) || !isOptionalTexts(to)) return undefined;
  if (undelivered !== undefined && !isUndelivered(undelivered)) return undefined;
  const more = Object.keys(others).length > 0 && { more: others };
  if (life !== undefined && !isSeconds(life)) return undefined;
  const where = { from, beside, to, ...(undelivered && { undelivered }) };
  return { handle, key, seenAt, userAgent, ip, ...where, ...(life && { life }), ...more };
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

export function sessionIn(
  index: UserIndex | undefined,
  handle: string,
): IndexedSession | undefined {
  return index?.sessions.find((session) => session.handle === handle);
}

/** Adds a session to the index, or replaces the one with the same handle. */
export function withSession(index: UserIndex, session: IndexedSession): UserIndex {
  const isNew = !sessionIn(index, session.handle);
  const sessions = index.sessions.map((one) => (one.handle === session.handle ? session : one));
  return { ...index, sessions: isNew ? [...sessions, session] : sessions };
}

/** All store keys at which the session's record may be. */
export function keysOf({ key, beside = [], to = [] }: IndexedSession): string[] {
  return [key, ...beside, ...to];
}

/** Removes a key from the keys that sessions may move to: another session has it now. */
export function withoutWayTo(index: UserIndex, key: string): UserIndex {
  const sessions = index.sessions.map((session) =>
    session.to?.includes(key)
      ? { ...session, to: session.to.filter((one) => one !== key) }
      : session,
  );
  return { ...index, sessions };
}

/** Notes that a session is about to move to another key, behind a border. */
export function movingTo(session: IndexedSession, key: string, now: number): IndexedSession {
  const to = [...(session.to ?? []).slice(1 - MAX_TO), key];
  return awaitingDelivery({ ...session, to }, key, now);
}

/** Notes that the id of this key has to be sent. */
export function awaitingDelivery(
  session: IndexedSession,
  key: string,
  now: number,
): IndexedSession {
  const others = (session.undelivered ?? []).filter(([one]) => one !== key);
  return { ...session, undelivered: [...others.slice(1 - MAX_TO), [key, now]] };
}

/** A client has the id of this key, and will not use those before it. */
export function withDelivered(session: IndexedSession, key: string): IndexedSession {
  const { undelivered = [] } = session;
  const later = undelivered.slice(undelivered.findIndex(([one]) => one === key) + 1);
  return { ...session, undelivered: later.length > 0 ? later : undefined };
}

/** Adds a branch of a session. Beyond `MAX_BESIDE`, the oldest branches end, except the first. */
export function withBranch(index: UserIndex, session: IndexedSession, key: string): UserIndex {
  const beside = [...(session.beside ?? []), session.key];
  // The old id's forwarder leads to the first branch, so that one shows that the session is alive.
  const ended = beside.splice(1, Math.max(0, beside.length - MAX_BESIDE));
  const branched = { ...session, key, beside, from: undefined };
  return { ...withSession(index, branched), ending: [...index.ending, ...ended] };
}

/** Removes a branch of a session, and the session itself if it has no other one. */
export function withoutBranch(index: UserIndex, session: IndexedSession, key: string): UserIndex {
  const { beside: branches = [], to = [] } = session;
  const left = [...branches, session.key].filter((one) => one !== key);
  const newest = left.pop();
  // If only this move was announced, nothing recorded its end: the index has the key before it.
  const hasMovedThere = branches.length === 0 && to.length === 1 && to[0] === key;
  if (newest === undefined || hasMovedThere)
    return withoutSessions(index, new Set([session.handle]));
  const beside = left.length > 0 ? left : undefined;
  return withSession(index, { ...session, key: newest, beside });
}

/** Moves a session to another key. A sign-in ends its branches. */
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
  if (beside.includes(key)) return index;
  if (!beside.includes(oldKey)) {
    // A border, which `to` names, has led to the old key. It is unknown from which branch, so all stay.
    if (beside.length > 0 && session.key !== oldKey) return withBranch(index, session, key);
    return withSession(index, { ...session, key, from: undefined });
  }
  const moved = beside.map((one) => (one === oldKey ? key : one));
  return withSession(index, { ...session, beside: moved });
}

export function withoutSessions(index: UserIndex, handles: ReadonlySet<string>): UserIndex {
  return { ...index, sessions: index.sessions.filter(({ handle }) => !handles.has(handle)) };
}

/**
 * Removes sessions whose records are gone, except those that were used or moved since the records were
 * read.
 */
export function withoutGone(index: UserIndex, gone: readonly IndexedSession[]): UserIndex {
  const isGone = (session: IndexedSession) =>
    gone.some((one) => one.handle === session.handle && isUnchanged(one, session));
  return { ...index, sessions: index.sessions.filter((session) => !isGone(session)) };
}

/** Whether it was neither used nor moved in between. */
export function isUnchanged(before: IndexedSession, after: IndexedSession): boolean {
  const { key, seenAt, to = [] } = before;
  return key === after.key && seenAt === after.seenAt && to.length === (after.to ?? []).length;
}

/** Moves sessions to the list of those that are being ended. */
export function endingSessions(index: UserIndex, sessions: readonly IndexedSession[]): UserIndex {
  const { ending, ...rest } = withoutSessions(index, new Set(sessions.map(({ handle }) => handle)));
  const keys = sessions.flatMap(keysOf);
  return { ...rest, ending: [...ending, ...keys] };
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSeconds(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isUndelivered(value: unknown): value is Undelivered[] {
  if (!Array.isArray(value)) return false;
  return value.every((one) => Array.isArray(one) && typeof one[0] === 'string' && isTime(one[1]));
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
