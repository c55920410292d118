import type { SessionUser } from '../session-user.js';
import type { SessionLifetime } from '../lifetime.js';
import { isPoisonedKey } from '../entry-value.js';

/** The record of a session. The entries are JSON texts, parsed only when they are read. */
export interface SessionRecord {
  /** Milliseconds since 1970; the absolute timeout counts from here, through every new id. */
  readonly createdAt: number;
  /** When a persistent cookie was last sent, in milliseconds since 1970. */
  readonly cookieSentAt: number;
  /** Absent: the session is anonymous. */
  readonly user?: SessionUser | undefined;
  /** When the user last proved who he is, in milliseconds since 1970. */
  readonly signedInAt?: number | undefined;
  /** Absent: that of the options. */
  readonly lifetime?: SessionLifetime | undefined;
  /** Only of an anonymous session with a new id: the handle of its first key. */
  readonly handle?: string | undefined;
  readonly entries: ReadonlyMap<string, string>;
  /** Unknown fields, stored by a newer release. They are kept. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
}

/** What a request may change of a record besides its entries. */
export type RecordFields = Pick<SessionRecord, 'signedInAt' | 'lifetime'>;

/**
 * Replaces a session's record when it gets a new id, and leads requests in flight with their changes to the
 * new key. For all other requests the old id is invalid.
 */
export interface SessionForwarder {
  readonly forwardTo: string;
  /** Requests in flight do not follow, as after a sign-in. */
  readonly isBorder?: boolean;
  /** The border was set by a sign-in, which ends the session for requests with the old id. */
  readonly isSignIn?: boolean;
  /** Expiry in milliseconds since 1970. Kept here because reading extends the TTL in memcached. */
  readonly until: number;
  /** Only after a scheduled rotation (`rotateEvery`). */
  readonly grace?: RotationGrace;
}

/** Lets requests with the old id use the session during the grace period. */
export interface RotationGrace {
  /** The new id is an HMAC of the old one and this. */
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
 * A line of JSON with the version, the kind and the fields of that kind, for a session each entry's key and
 * length; then the entries' JSON, one after another. So one entry is read or replaced without parsing the
 * others. The last element holds fields by name and is absent if there are none. In a rolling deployment a
 * newer release may store fields that this one does not know: they are kept when the record is rewritten.
 * A record that older releases must not read as a session gets a new kind.
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
  // Without a handle the session is anonymous.
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

/** Decodes a record of version 1, 2 or newer. `undefined`: the text is not a record. */
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
  const [createdAt, cookieSentAt, index, fields = {}] = rest;
  if (!isTime(createdAt) || !isTime(cookieSentAt) || !isFields(fields)) return undefined;
  const entries = readEntries(index, text, start);
  if (!entries) return undefined;
  const { userId, handle, signedInAt, lifetime, ...others } = fields;
  if (signedInAt !== undefined && !isTime(signedInAt)) return undefined;
  if (lifetime !== undefined && !isLifetime(lifetime)) return undefined;
  // A damaged record must not become another user's session or an anonymous one.
  if (handle !== undefined && typeof handle !== 'string') return undefined;
  const more = Object.keys(others).length > 0 ? others : undefined;
  if (userId === undefined) {
    return {
      createdAt,
      cookieSentAt,
      entries,
      signedInAt,
      lifetime,
      more,
      handle,
      user: undefined,
    };
  }
  if (typeof userId !== 'string' || handle === undefined) return undefined;
  const user = { id: userId, handle };
  return { createdAt, cookieSentAt, entries, signedInAt, lifetime, more, handle: undefined, user };
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
