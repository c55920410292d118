import { SessionEntries } from './entries.js';
import type { SessionTicket, StoreKeys } from './storage/keys.js';
import { cookieLife, expiryOf, idleTimeout, type SessionLifetime } from './lifetime.js';
import type { SessionPolicy } from './policy.js';
import type { RecordFields, SessionRecord } from './storage/record-format.js';
import type { FoundRecord, TracedRecord } from './storage/records.js';
import type { SessionIdentity } from './telemetry.js';
import { handleOf, type SessionUser } from './session-user.js';

/**
 * - `new`: not in the store (yet);
 * - `stored`: in the store under `key`;
 * - `gone`: was in the store, until another request destroyed it or it ran out;
 * - `destroyed`: by this request.
 */
export type SessionStatus = 'new' | 'stored' | 'gone' | 'destroyed';

/**
 * All that one request knows of one session. Only its own methods change it:
 *
 * ```
 *            begin()                    find()
 *               │                          │
 *               ▼        created()         ▼
 *   ┌──────►  new  ────────────────►  stored  ──► moved()   this request gave it a new id
 *   │           │                      │  │  └──► follow()  another request did
 *   │ refused() │ rename()             │  │
 *   └───────────┘              lost()  │  │ ended()
 *                                      ▼  ▼
 *                                   gone  destroyed
 * ```
 *
 * The response carries the cookie when the session is stored, `cookieDirty` and `isConfirmed`.
 */
export class SessionState {
  ticket: SessionTicket;
  key: string;
  status: SessionStatus;
  entries: SessionEntries;
  /** When a persistent cookie was last sent. */
  cookieSentAt: number;
  /** Whether the response has to carry the cookie, once the session is stored. */
  cookieDirty: boolean;
  /** Who is signed in with it. */
  user: SessionUser | undefined;
  /** The handle it had, or has, when nobody is signed in with it, once its key is no longer the first. */
  anonymousHandle: string | undefined;
  /** `false`: what uses it cannot send a cookie. */
  canSetCookie = true;
  /** Whether another request was asked to give the session a new id, which this one must not learn. */
  supersededElsewhere = false;
  /** `false`: found by an id that was renewed since; who is told of the new one must still have it. */
  isConfirmed: boolean;

  /** Fields of the record that a newer release has stored. */
  private more: SessionRecord['more'];
  readonly isNew: boolean;
  readonly createdAt: number;
  /** When the user last proved who he is. */
  signedInAt: number | undefined;
  /** Its own, where it has one. */
  lifetime: SessionLifetime | undefined;
  /** When it ends if it is not used again, in milliseconds since 1970. */
  expiresAt: number;
  /** `false`: it was read by who does not use it, and its life is what it was. */
  isRenewed: boolean;
  /** The generation of its key. */
  private readonly generation: number;
  /** The key of the id by which it was found. */
  private cameBy: string;
  private version: string | undefined;
  private readonly policy: SessionPolicy;
  /** What is not stored yet. */
  private unstored: RecordFields | undefined;

  constructor(from: {
    ticket: SessionTicket;
    key: string;
    createdAt: number;
    generation: number;
    policy: SessionPolicy;
    found?: FoundRecord;
    /** The key of the id before this one, if it was found by that. */
    successorOf?: string | undefined;
    /** Left out: it is. */
    isRenewed?: boolean;
  }) {
    const { found } = from;
    this.ticket = from.ticket;
    this.key = from.key;
    this.createdAt = from.createdAt;
    this.generation = from.generation;
    this.isNew = !found;
    this.isRenewed = from.isRenewed ?? true;
    this.policy = from.policy;
    this.signedInAt = found?.record.signedInAt;
    this.lifetime = found?.record.lifetime;
    this.expiresAt = expiryOf(from.policy, this, found?.lifeLeft);
    const { successorOf } = from;
    this.cameBy = successorOf ?? from.key;
    this.cookieDirty = !found || successorOf !== undefined;
    this.isConfirmed = successorOf === undefined;
    this.status = found ? 'stored' : 'new';
    this.version = found?.version;
    this.cookieSentAt = found?.record.cookieSentAt ?? 0;
    this.user = found?.record.user;
    this.anonymousHandle = found?.record.handle;
    this.more = found?.record.more;
    this.entries = new SessionEntries(found?.record.entries ?? new Map(), from.policy.strictValues);
  }

  /** For events. */
  get identity(): SessionIdentity {
    const { user } = this;
    if (user) return { handle: user.handle, userId: user.id };
    return { handle: this.anonymousHandle ?? handleOf(this.key) };
  }

  /** That of the first key stays. */
  private keepHandle(): void {
    if (!this.user) this.anonymousHandle ??= handleOf(this.key);
  }

  /** Whether all sessions that it belongs to have ended, so that nothing of it may go on. */
  isOver({ generation }: StoreKeys): boolean {
    return this.status === 'stored' && this.generation !== generation;
  }

  get id(): string {
    return this.ticket.id;
  }

  /**
   * The key of the id that it was found by, if it has got another id since, by another request, whose
   * client may have been told of it.
   */
  get leftKey(): string | undefined {
    return this.cameBy === this.key ? undefined : this.cameBy;
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

  /** It is in the store. */
  created(): void {
    this.status = 'stored';
    this.unstored = undefined;
  }

  /** It was stored, and taken away again before anybody had it. */
  discarded(): void {
    this.status = 'new';
  }

  /** Others have ended it, or it ran out. */
  lost(): void {
    this.status = 'gone';
  }

  /** This request has ended it. */
  ended(): void {
    this.status = 'destroyed';
    this.beginWith(new Map());
  }

  /** In place of what it has. */
  beginWith(entries: ReadonlyMap<string, string>): void {
    this.entries = new SessionEntries(entries, this.policy.strictValues);
  }

  /** It has been used, and so lives on until then. */
  renewed(): void {
    this.isRenewed = true;
    this.expiresAt = expiryOf(this.policy, this);
  }

  /** Seconds that it may be unused. */
  get idle(): number {
    return idleTimeout(this.policy, this.lifetime);
  }

  /** Whether that is not what the options say, as its id should tell. */
  get hasOwnLife(): boolean {
    return this.lifetime?.idle !== undefined;
  }

  /** Seconds for which its cookie is kept; `false`: until the browser is closed. */
  get cookieLife(): number | false {
    return cookieLife(this.policy, this.lifetime);
  }

  /** Changes its lifetime, from the next commit on. */
  setLifetime(lifetime: SessionLifetime): void {
    this.entries.onChange?.();
    this.unstored = { ...this.unstored, lifetime };
    this.adopt(this.unstored);
  }

  /** It has these now. */
  adopt(fields: RecordFields): void {
    Object.assign(this, fields);
    this.expiresAt = expiryOf(this.policy, this);
  }

  /** Whether something besides its entries is to be stored. */
  get hasUnstoredFields(): boolean {
    return this.unstored !== undefined;
  }

  /** Hands over what is to be stored besides its entries. */
  takeFields(): RecordFields | undefined {
    const { unstored } = this;
    this.unstored = undefined;
    return unstored;
  }

  /** Takes back what could not be stored. */
  returnFields(fields: RecordFields | undefined): void {
    if (fields) this.unstored = { ...fields, ...this.unstored };
  }

  /** It was read again, maybe elsewhere; the request's own changes stay. */
  reloaded({ record, version, key, isScheduled }: TracedRecord): void {
    this.entries.rebase(record.entries);
    if (key !== this.key) this.follow(key, isScheduled);
    this.version = version;
    this.cookieSentAt = Math.max(this.cookieSentAt, record.cookieSentAt);
    this.more = record.more;
    this.signedInAt = record.signedInAt;
    this.lifetime = record.lifetime;
    if (this.unstored) this.adopt(this.unstored);
  }

  signedInAs(user: SessionUser): void {
    this.user = user;
  }

  /** A sign-in was refused: what was to be signed in is still nobody's. */
  refused(): void {
    if (this.status !== 'new') return;
    this.user = undefined;
    this.signedInAt = undefined;
  }

  /** Its cookie is to be sent, or was just made, at this time. */
  cookieSent(at: number): void {
    this.cookieSentAt = at;
    this.cookieDirty = true;
  }

  /** Nobody is told its id by this request, whatever comes. */
  keepSecret(): void {
    this.cookieDirty = false;
  }

  /** What uses it cannot send a cookie. */
  withoutCookie(): void {
    this.canSetCookie = false;
  }

  /** The record is still there, under the id that the client is to be told. */
  confirmed(): void {
    this.isConfirmed = true;
  }

  /** Goes on under a new id that this request gave it. */
  moved(ticket: SessionTicket, key: string, cookieSentAt: number): void {
    this.keepHandle();
    this.rename(ticket, key);
    this.supersededElsewhere = false;
    this.cookieSentAt = cookieSentAt;
    this.cookieDirty = true;
    this.isConfirmed = true;
  }

  /** Gets another id before it is stored. */
  rename(ticket: SessionTicket, key: string): void {
    this.ticket = ticket;
    this.key = key;
    this.cameBy = key;
  }

  /** What is stored of it, as it stands. */
  toRecord(): SessionRecord {
    const { createdAt, cookieSentAt, user, anonymousHandle: handle, more } = this;
    const { signedInAt, lifetime } = this;
    const who = user ? { user, signedInAt } : handle !== undefined && { handle };
    const entries = this.entries.snapshot();
    return {
      ...{ createdAt, cookieSentAt, ...who, entries },
      ...(lifetime && { lifetime }),
      ...(more && { more }),
    };
  }

  /** Goes on where another request has moved it: as it was asked to, or as it was time. */
  follow(key: string, isScheduled: boolean): void {
    this.keepHandle();
    this.key = key;
    if (!isScheduled) this.supersededElsewhere = true;
    this.cookieDirty = false;
  }
}

/** What to store if the record is still the one that was read. */
export function expectedRecord(
  session: SessionState,
  cookieSentAt: number,
): FoundRecord | undefined {
  const version = session.takeVersion();
  return version === undefined
    ? undefined
    : { version, record: { ...session.toRecord(), cookieSentAt } };
}
