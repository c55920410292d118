import type { SessionUser } from './session-user.js';
import { isPoisonedKey } from './session-value.js';

/** What is kept of a session. The entries are JSON texts, parsed only when somebody asks for them. */
export interface SessionRecord {
  /** Milliseconds since 1970; the absolute timeout counts from here, through every new id. */
  readonly createdAt: number;
  /** When a persistent cookie was last sent, in milliseconds since 1970. */
  readonly cookieSentAt: number;
  /** Absent: nobody is signed in. */
  readonly user?: SessionUser | undefined;
  /** Of an anonymous session that has got a new id: that of its first key. */
  readonly handle?: string | undefined;
  readonly entries: ReadonlyMap<string, string>;
}

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
  /** When it has served its time, in milliseconds since 1970: being asked for must not prolong it. */
  readonly until: number;
  /** Only if the id was renewed by the time, and not for a sign-in. */
  readonly grace?: RenewalGrace;
}

/** Lets requests over that still come with the old id. */
export interface RenewalGrace {
  /** What the new id is made of, together with the old one. */
  readonly salt: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * The format, version 1:
 *
 * ```
 * [1,1763849999999,0,["visits",1,"cart",12]]
 * 3{"apples":2}
 * ```
 *
 * A line of JSON with each entry's key and length; the entries' JSON, one after the other. So one
 * entry is read or replaced without parsing the others. Of a session that is signed in the line ends
 * with the user id and the handle; of an anonymous one that got a new id, with null and the handle.
 */
const FORMAT = 1;

const SIGN_IN = 'sign-in';
const MAX_TIME = 8_640_000_000_000_000;

export function encodeRecord(record: SessionRecord): string {
  const index: (string | number)[] = [];
  let values = '';
  for (const [key, json] of record.entries) {
    index.push(key, json.length);
    values += json;
  }
  const { createdAt, cookieSentAt, user, handle } = record;
  const who = user ? [user.id, user.handle] : handle === undefined ? [] : [null, handle];
  const header = [FORMAT, createdAt, cookieSentAt, index, ...who];
  return `${JSON.stringify(header)}\n${values}`;
}

/** A border has its two fields the other way round, so that older releases take it for no session. */
export function encodeForwarder(forwarder: SessionForwarder): string {
  const { forwardTo, until, grace, isBorder, isSignIn } = forwarder;
  const header = isBorder
    ? [FORMAT, until, forwardTo, ...(isSignIn ? [SIGN_IN] : [])]
    : [FORMAT, forwardTo, until, ...(grace ? [grace.salt, grace.until] : [])];
  return `${JSON.stringify(header)}\n`;
}

/** Reads a record. Whatever is not exactly what this module wrote is `undefined`: no session. */
export function decodeRecord(text: string): SessionRecord | SessionForwarder | undefined {
  const end = text.indexOf('\n');
  const header = end < 0 ? undefined : parseHeader(text.slice(0, end));
  if (!Array.isArray(header) || header[0] !== FORMAT) return undefined;
  if (header.length === 3 || header.length === 5 || header[3] === SIGN_IN) {
    return readForwarder(header);
  }
  const [, createdAt, cookieSentAt, index, id, handle] = header as unknown[];
  if (!isTime(createdAt) || !isTime(cookieSentAt)) return undefined;
  const entries = readEntries(index, text, end + 1);
  if (!entries) return undefined;
  const times = { createdAt, cookieSentAt };
  if (header.length === 4) return { ...times, entries };
  // Somebody else's session rather than nobody's must not come of a damaged one.
  if (header.length !== 6 || typeof handle !== 'string') return undefined;
  if (id === null) return { ...times, handle, entries };
  if (typeof id !== 'string') return undefined;
  return { ...times, user: { id, handle }, entries };
}

function readForwarder(header: unknown[]): SessionForwarder | undefined {
  const [, forwardTo, until, salt, graceUntil] = header;
  if (header.length < 5 && isTime(forwardTo) && typeof until === 'string') {
    const isSignIn = header.length === 4;
    return { forwardTo: until, until: forwardTo, isBorder: true, ...(isSignIn && { isSignIn }) };
  }
  if (typeof forwardTo !== 'string' || !isTime(until)) return undefined;
  if (header.length === 3) return { forwardTo, until };
  if (typeof salt !== 'string' || !isTime(graceUntil)) return undefined;
  return { forwardTo, until, grace: { salt, until: graceUntil } };
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
