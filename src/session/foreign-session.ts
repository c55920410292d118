import { SessionStoreError } from './errors.js';
import type { SessionTicket } from './storage/keys.js';

/** What another library has stored of a session. */
export interface ForeignEntries {
  /** Each entry's JSON text. */
  readonly entries: ReadonlyMap<string, string>;
  /** The signed-in user. */
  readonly userId?: string | undefined;
}

/** A session that another library has stored, and whose client came with that library's cookie. */
export interface ForeignSession {
  /** The first id of the migrated session. It is derived with the secret that signed the cookie. */
  readonly ticket: SessionTicket;
  /**
   * Returns its entries; `undefined`: the session does not exist (any more).
   *
   * @throws ForeignStoreError if it cannot be read
   * @throws SessionValueError if its user has an invalid id
   */
  read(): Promise<ForeignEntries | undefined>;
  /** @throws ForeignStoreError if its store does not confirm it */
  destroy(): Promise<void>;
}

/** The session library that the application used before. */
export interface SessionMigration {
  /** The session of a `Cookie` header. `undefined`: it has no cookie of that library, or a wrong signature. */
  sessionOf(cookieHeader: string): ForeignSession | undefined;
  /** The name of that library's cookie. */
  readonly cookieName: string;
  /** The `Set-Cookie` header that deletes that library's cookie. */
  readonly clearing: string;
}

/** The store of the other library failed, or did not answer in time. */
export class ForeignStoreError extends SessionStoreError {
  /** `reason`: for the log, without the id of the session. */
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(options);
  }
}
