import type { SessionUser } from '../session-user.js';
import type { SessionLifetime } from '../lifetime.js';
import { isPoisonedKey } from '../entry-value.js';

/** What is kept of a session. The entries are JSON texts, parsed only when somebody asks for them. */
export interface SessionRecord {
  /** Milliseconds since 1970; the absolute timeout counts from here, through every new id. */
  readonly createdAt: number;
  /** When a persistent cookie was last sent, in milliseconds since 1970. */
  readonly cookieSentAt: number;
  /** Absent: nobody is signed in. */
  readonly user?: SessionUser | undefined;
  /** When the user last proved who he is, in milliseconds since 1970. */
  readonly signedInAt?: number | undefined;
  /** Absent: that of the options. */
  readonly lifetime?: SessionLifetime | undefined;
  /** Of an anonymous session that has got a new id: that of its first key. */
  readonly handle?: string | undefined;
  readonly entries: ReadonlyMap<string, string>;
  /** Fields that a newer release has stored, to be kept. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

/** What a request may change of a record besides its entries. */
export type RecordFields = Pick<SessionRecord, 'signedInAt' | 'lifetime'>;

/**
 * What is left under a session's old key when it gets a new id: where requests go with their changes
 * that had already read it. To all others it is no session.
 */
export interface SessionForwarder {
  readonly forwardTo: string;
  /** Nobody goes there who had read the session before: whoever has the new id has proved who he is. */
  readonly isBorder?: boolean;
  /** The border is one of a sign-in: whoever is signed in on this side is not on that one. */
  readonly isSignIn?: boolean;
  /** Expiry in milliseconds since 1970. Kept here because reading extends the TTL in memcached. */
  readonly until: number;
  /** Only after a scheduled rotation (`rotateEvery`). */
  readonly grace?: RotationGrace;
}

/** Lets requests over that still come with the old id. */
export interface RotationGrace {
  /** What the new id is made of, together with the old one. */
  readonly salt: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * The format, version 2:
 *
 * ```
 * [2,"session",1763849999999,0,["visits",1,"cart",12],{"userId":"7","handle":"f84z_u"}]
 * 3{"apples":2}
 * ```
 *
 * A line of JSON with the version, the kind and what that kind has, of a session each entry's key and
 * length; then the entries' JSON, one after the other. So one entry is read or replaced without parsing
 * the others. The last element holds fields by name and is absent if there are none. Fields that this
 * release does not know, of a newer one in a rolling deployment, are kept when the record is rewritten.
 * What older releases must not take for a session gets a kind of its own.
 */
const VERSION = 2;

const MAX_TIME = 8_640_000_000_000_000;

export function encodeRecord(record: SessionRecord): string {
  const index: (string | number)[] = [];
  let values = '';
  for (const [key, json] of record.entries) {
    index.push(key, json.length);
    values += json;
  }
  const { createdAt, cookieSentAt, user, handle = user?.handle, more } = record;
  const header: unknown[] = [VERSION, 'session', createdAt, cookieSentAt, index];
  const { signedInAt, lifetime } = record;
  // Without a handle nobody is signed in either.
  if (handle !== undefined || lifetime || more) {
    header.push({ ...more, userId: user?.id, handle, signedInAt, lifetime });
  }
  return `${JSON.stringify(header)}\n${values}`;
}

export function encodeForwarder(forwarder: SessionForwarder): string {
  const { forwardTo, until, grace, isBorder, isSignIn } = forwarder;
  const header: unknown[] = [VERSION, isBorder ? 'border' : 'forwarder', forwardTo, until];
  if (isBorder && isSignIn) header.push({ isSignIn });
  else if (!isBorder && grace) header.push({ grace });
  return `${JSON.stringify(header)}\n`;
}

/** Reads a record of this version, the one before, or a newer one. `undefined`: no session. */
export function decodeRecord(text: string): SessionRecord | SessionForwarder | undefined {
  const end = text.indexOf('\n');
  const header = end < 0 ? undefined : parseHeader(text.slice(0, end));
  if (!Array.isArray(header)) return undefined;
  const [version, kind, ...rest] = header as unknown[];
  if (version === 1) return decodeVersion1(header, text, end + 1);
  if (!Number.isInteger(version) || (version as number) < VERSION) return undefined;
  switch (kind) {
    case 'session':
      return readSession(rest, text, end + 1);
    case 'forwarder':
    case 'border':
      return readForwarder(kind, rest);
    default:
      return undefined;
  }
}

function readSession(rest: unknown[], text: string, start: number): SessionRecord | undefined {
  const [createdAt, cookieSentAt, index, fields] = rest;
  if (!isTime(createdAt) || !isTime(cookieSentAt)) return undefined;
  const entries = readEntries(index, text, start);
  if (!entries) return undefined;
  const record = { createdAt, cookieSentAt, entries };
  if (fields === undefined) return record;
  // Somebody else's session rather than nobody's must not come of a damaged one.
  if (!isFields(fields)) return undefined;
  const { userId, handle, signedInAt, lifetime, ...others } = fields;
  if (signedInAt !== undefined && !isTime(signedInAt)) return undefined;
  if (lifetime !== undefined && !isLifetime(lifetime)) return undefined;
  const more = {
    ...(signedInAt !== undefined && { signedInAt }),
    ...(lifetime && { lifetime }),
    ...(Object.keys(others).length > 0 && { more: others }),
  };
  if (handle === undefined) return userId === undefined ? { ...record, ...more } : undefined;
  if (typeof handle !== 'string') return undefined;
  if (userId === undefined) return { ...record, handle, ...more };
  return typeof userId === 'string'
    ? { ...record, user: { id: userId, handle }, ...more }
    : undefined;
}

function isLifetime(value: unknown): value is SessionLifetime {
  if (!isFields(value)) return false;
  const { idle, absolute, persist } = value;
  const isIdle = idle === undefined || isSeconds(idle);
  const isAbsolute = absolute === undefined || absolute === false || isSeconds(absolute);
  return isIdle && isAbsolute && (persist === undefined || typeof persist === 'boolean');
}

function isSeconds(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function readForwarder(
  kind: 'forwarder' | 'border',
  [forwardTo, until, fields = {}]: unknown[],
): SessionForwarder | undefined {
  if (typeof forwardTo !== 'string' || !isTime(until) || !isFields(fields)) return undefined;
  if (kind === 'border') {
    const { isSignIn } = fields;
    return { forwardTo, until, isBorder: true, ...(isSignIn === true && { isSignIn }) };
  }
  const { grace } = fields;
  if (grace === undefined) return { forwardTo, until };
  if (!isFields(grace) || typeof grace['salt'] !== 'string' || !isTime(grace['until'])) {
    return undefined;
  }
  return { forwardTo, until, grace: { salt: grace['salt'], until: grace['until'] } };
}

/**
 * Version 1 had no kinds: `[1,createdAt,cookieSentAt,index]` was a session, with an id (or null) and a
 * handle at its end; `[1,key,until]` a forwarder, with salt and end of the grace; the other way round,
 * `[1,until,key]`, a border, with `"sign-in"` at its end.
 */
function decodeVersion1(
  [, ...rest]: unknown[],
  text: string,
  start: number,
): SessionRecord | SessionForwarder | undefined {
  const [first, second, third, fourth, fifth] = rest;
  if (Array.isArray(third)) {
    if (rest.length === 3) return readSession([first, second, third], text, start);
    const userId = fourth === null ? undefined : fourth;
    if (rest.length !== 5 || typeof fifth !== 'string') return undefined;
    return readSession([first, second, third, { userId, handle: fifth }], text, start);
  }
  if (typeof second === 'string') {
    return readForwarder('border', [second, first, { isSignIn: third === 'sign-in' }]);
  }
  const grace = rest.length === 4 ? { grace: { salt: third, until: fourth } } : {};
  return readForwarder('forwarder', [first, second, grace]);
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readEntries(index: unknown, text: string, start: number): Map<string, string> | undefined {
  if (!Array.isArray(index)) return undefined;
  const entries = new Map<string, string>();
  let at = start;
  for (let i = 0; i < index.length; i += 2) {
    const key: unknown = index[i];
    const length: unknown = index[i + 1];
    if (typeof key !== 'string' || isPoisonedKey(key)) return undefined;
    if (!Number.isInteger(length) || (length as number) < 1) return undefined;
    entries.set(key, text.slice(at, (at += length as number)));
  }
  return at === text.length ? entries : undefined;
}

/** Milliseconds since 1970 that a `Date` can hold. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIME;
}

function parseHeader(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
