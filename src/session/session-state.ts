import { SessionEntries } from './session-entries.js';
import type { SessionTicket } from './session-keys.js';
import type { SessionRecord } from './session-record.js';
import type { FoundRecord } from './session-records.js';
import type { SessionUser } from './session-user.js';

/**
 * - `new`: not in the store (yet);
 * - `stored`: in the store under `key`;
 * - `gone`: was in the store, until another request destroyed it or it ran out;
 * - `destroyed`: by this request.
 */
export type SessionStatus = 'new' | 'stored' | 'gone' | 'destroyed';

/** All that one request knows of one session. */
export class SessionState {
  ticket: SessionTicket;
  key: string;
  status: SessionStatus;
  entries: SessionEntries;
  /** When a persistent cookie was last sent. */
  cookieSentAt: number;
  /** Whether the response has to carry the cookie, once the session is stored. */
  tellClient: boolean;
  /** Who is signed in with it. */
  user: SessionUser | undefined;
  /** `false`: what uses it cannot send a cookie. */
  canTellClient = true;
  /** Whether another request gave the session a new id, which this one must not learn. */
  followed = false;
  /** `false`: found by an id that was renewed since; who is told of the new one must still have it. */
  isConfirmed: boolean;

  readonly isNew: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
  private version: string | undefined;

  constructor(from: {
    ticket: SessionTicket;
    key: string;
    createdAt: number;
    expiresAt: number;
    found?: FoundRecord;
    /** Found by the id before this one. */
    isSuccessor?: boolean;
  }) {
    const { found } = from;
    this.ticket = from.ticket;
    this.key = from.key;
    this.createdAt = from.createdAt;
    this.expiresAt = from.expiresAt;
    this.isNew = !found;
    this.tellClient = !found || from.isSuccessor === true;
    this.isConfirmed = !from.isSuccessor;
    this.status = found ? 'stored' : 'new';
    this.version = found?.version;
    this.cookieSentAt = found?.record.cookieSentAt ?? 0;
    this.user = found?.record.user;
    this.entries = new SessionEntries(found?.record.entries ?? new Map());
  }

  get id(): string {
    return this.ticket.id;
  }

  /** Whether it can still be written without being read again. */
  get hasVersion(): boolean {
    return this.version !== undefined;
  }

  /** The version that was read; good for one attempt to write, whatever comes of it. */
  takeVersion(): string | undefined {
    const { version } = this;
    this.version = undefined;
    return version;
  }

  /** Goes on under a new id that this request gave it. */
  moveTo(ticket: SessionTicket, key: string, cookieSentAt: number): void {
    this.ticket = ticket;
    this.key = key;
    this.cookieSentAt = cookieSentAt;
    this.tellClient = true;
  }

  /** Goes on where another request has moved it: by a sign-in, or as it was time. */
  follow(key: string, wasRenewed: boolean): void {
    this.key = key;
    if (!wasRenewed) this.followed = true;
    this.tellClient = false;
  }
}

/** What is stored of it, as it stands. */
export function recordOf({ createdAt, cookieSentAt, user, entries }: SessionState): SessionRecord {
  return { createdAt, cookieSentAt, ...(user && { user }), entries: entries.snapshot() };
}

/** What to store if the record is still the one that was read. */
export function expectedRecord(
  session: SessionState,
  cookieSentAt: number,
): FoundRecord | undefined {
  const version = session.takeVersion();
  return version === undefined
    ? undefined
    : { version, record: { ...recordOf(session), cookieSentAt } };
}
