import type { SessionTicket } from './storage/keys.js';

/** A session that another library has stored, and whose client came with that library's cookie. */
export interface ForeignSession {
  /** Only who has the secret that signed the cookie can tell it. The session is first kept under it. */
  readonly ticket: SessionTicket;
  /**
   * Its entries; `undefined`: there is none (any more).
   *
   * @throws SessionStoreError if it cannot be read
   */
  read(): Promise<ReadonlyMap<string, string> | undefined>;
  /** @throws SessionStoreError if its store does not confirm it */
  destroy(): Promise<void>;
}

/** Where an application kept its sessions before. */
export interface SessionMigration {
  /** The session of a `Cookie` header. `undefined`: none of that library, or its signature is wrong. */
  sessionOf(cookieHeader: string): ForeignSession | undefined;
  /** The `Set-Cookie` header that takes that library's cookie away. */
  readonly clearing: string;
}
