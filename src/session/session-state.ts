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
 * - `gone`: was in the store, until another request destroyed it or it expired;
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
  /** Whether the response must have the cookie after the session is stored. */
  cookieDirty: boolean;
  /** The signed-in user. */
  user: SessionUser | undefined;
  /** Its handle as an anonymous session, set when its first key, from which that is derived, is replaced. */
  anonymousHandle: string | undefined;
  /** `false`: no cookie can be sent, as in a socket's message. */
  canSetCookie = true;
  /** Whether another request called `regenerate()` or `signIn()`: this request must not send the new id. */
  supersededElsewhere = false;
  /** `false`: found by a rotated id. Before the new id is sent, check that the session still exists. */
  isConfirmed: boolean;

  /** Whether its id is one that only leads here from the cookie of another library. */
  isAdopted = false;
  /** When this request gave it an id that its user's index lists as not sent yet, in milliseconds since 1970. */
  undeliveredSince: number | undefined;
  /** Unknown fields of the record, stored by a newer release. */
  private more: SessionRecord['more'];
  readonly isNew: boolean;
  readonly createdAt: number;
  /** When the user last proved who he is. */
  signedInAt: number | undefined;
  /** Its own, where it has one. */
  lifetime: SessionLifetime | undefined;
  /** When it ends if it is not used again, in milliseconds since 1970. */
  expiresAt: number;
  /** `false`: it was read without a renewal (`touch: false`). */
  isRenewed: boolean;
  /** The generation of its key. */
  private readonly generation: number;
  /** The key of the id by which it was found. */
  private cameBy: string;
  private version: string | undefined;
  private readonly policy: SessionPolicy;
  /** What is not stored yet. */
  private unstored: RecordFields | undefined;
  /** Its lifetime as it is stored, if another one is not stored yet. */
  private storedLifetime: SessionLifetime | undefined;

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

  /** Keeps the handle of the first key. */
  private keepHandle(): void {
    if (!this.user) this.anonymousHandle ??= handleOf(this.key);
  }

  /** Whether all sessions of its generation have ended. */
  isOver({ generation }: StoreKeys): boolean {
    return this.status === 'stored' && this.generation !== generation;
  }

  get id(): string {
    return this.ticket.id;
  }

  /**
   * The key of the id by which it was found, if another request has given it a new id since, which that
   * request's client may know.
   */
  get leftKey(): string | undefined {
    return this.cameBy === this.key ? undefined : this.cameBy;
  }

  /** Whether it can be written without another read. */
  get hasVersion(): boolean {
    return this.version !== undefined;
  }

  /** Returns the version that was read. It is valid for one attempt to write, successful or not. */
  takeVersion(): string | undefined {
    const { version } = this;
    this.version = undefined;
    return version;
  }

  /** It was stored. */
  created(): void {
    this.status = 'stored';
    this.unstored = undefined;
  }

  /** Its record was removed again before a client got its id. */
  discarded(): void {
    this.status = 'new';
  }

  /** It came from another library, and has an id that is to be left. */
  adopted(): void {
    this.isAdopted = true;
  }

  /** Others have ended it, or it has expired. */
  lost(): void {
    this.status = 'gone';
  }

  /** This request has ended it. */
  ended(): void {
    this.status = 'destroyed';
    this.beginWith(new Map());
  }

  /** Replaces all entries. */
  beginWith(entries: ReadonlyMap<string, string>): void {
    this.entries = new SessionEntries(entries, this.policy.strictValues);
  }

  /** Called after a use has renewed the session. */
  renewed(): void {
    this.isRenewed = true;
    this.expiresAt = expiryOf(this.policy, this);
  }

  /** The idle timeout in seconds. */
  get idle(): number {
    return idleTimeout(this.policy, this.lifetime);
  }

  /** Whether the session has its own idle timeout. Its id should show this. */
  get hasOwnLife(): boolean {
    return this.lifetime?.idle !== undefined;
  }

  /** How long the browser keeps the cookie, in seconds; `false`: until the browser is closed. */
  get cookieLife(): number | false {
    return cookieLife(this.policy, this.lifetime);
  }

  /** Changes the lifetime. The next commit stores it. */
  setLifetime(lifetime: SessionLifetime): void {
    this.entries.onChange?.();
    if (!this.unstored) this.storedLifetime = this.lifetime;
    this.unstored = { ...this.unstored, lifetime };
    this.adopt(this.unstored);
  }

  /** Sets these fields. */
  adopt(fields: RecordFields): void {
    Object.assign(this, fields);
    this.expiresAt = expiryOf(this.policy, this);
  }

  /** Whether fields other than entries have to be stored. */
  get hasUnstoredFields(): boolean {
    return this.unstored !== undefined;
  }

  /** Hands over what is to be stored besides its entries. */
  takeFields(): RecordFields | undefined {
    const { unstored } = this;
    this.unstored = undefined;
    return unstored;
  }

  /** Drops changes that are not stored yet. The next use of the session reads it again. */
  discardChanges(): void {
    if (this.takeFields()) this.adopt({ lifetime: this.storedLifetime });
    this.entries.discardChanges();
  }

  /** Takes back what could not be stored. */
  returnFields(fields: RecordFields | undefined): void {
    if (fields) this.unstored = { ...fields, ...this.unstored };
  }

  /** It was read again, maybe under a new key. The request's own changes stay. */
  reloaded({ record, version, lifeLeft, key, isScheduled }: TracedRecord): void {
    this.entries.rebase(record.entries);
    if (key !== this.key) this.follow(key, isScheduled);
    this.version = version;
    this.cookieSentAt = Math.max(this.cookieSentAt, record.cookieSentAt);
    this.more = record.more;
    this.signedInAt = record.signedInAt;
    this.lifetime = record.lifetime;
    this.expiresAt = expiryOf(this.policy, this, lifeLeft);
    if (this.unstored) this.adopt(this.unstored);
  }

  signedInAs(user: SessionUser): void {
    this.user = user;
  }

  /** Its user's index has to know when its id was sent. */
  awaitsDelivery(now: number): void {
    this.undeliveredSince = now;
  }

  /** Its user's index knows it. */
  delivered(): void {
    this.undeliveredSince = undefined;
  }

  /** A sign-in was refused: a new session stays anonymous. */
  refused(): void {
    if (this.status !== 'new') return;
    this.user = undefined;
    this.signedInAt = undefined;
  }

  /** Its cookie must be sent, and counts as sent at this time. */
  cookieSent(at: number): void {
    this.cookieSentAt = at;
    this.cookieDirty = true;
  }

  /** This request does not send its id. */
  keepSecret(): void {
    this.cookieDirty = false;
  }

  /** No cookie can be sent, as in a socket's message. */
  withoutCookie(): void {
    this.canSetCookie = false;
  }

  /** The record still exists under the id that the client will get. */
  confirmed(): void {
    this.isConfirmed = true;
  }

  /** This request has given it a new id. */
  moved(ticket: SessionTicket, key: string, cookieSentAt: number): void {
    this.isAdopted = false;
    this.keepHandle();
    this.rename(ticket, key);
    this.supersededElsewhere = false;
    this.renewed(); // as its new record was stored
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

  /** The record to store, with all changes. */
  toRecord(): SessionRecord {
    const { createdAt, cookieSentAt, user, lifetime, more } = this;
    const entries = this.entries.snapshot();
    const signedInAt = user && this.signedInAt;
    const handle = user ? undefined : this.anonymousHandle;
    return { createdAt, cookieSentAt, entries, signedInAt, lifetime, more, handle, user };
  }

  /** Another request has given it a new id: on schedule or on request. */
  follow(key: string, isScheduled: boolean): void {
    this.keepHandle();
    this.key = key;
    if (!isScheduled) this.supersededElsewhere = true;
    this.cookieDirty = false;
  }
}

/** The record to store if the stored one has not changed since it was read. */
export function expectedRecord(
  session: SessionState,
  cookieSentAt: number,
): FoundRecord | undefined {
  const version = session.takeVersion();
  return version === undefined
    ? undefined
    : { version, record: { ...session.toRecord(), cookieSentAt } };
}
