import { createHmac, hash, hkdfSync } from 'node:crypto';

import { newSessionId } from '../session-id.js';

/** The keys that memcached accepts. */
const KEY = /^[\x21-\x7e]{1,250}$/;

/** A session id and the index of the secret that signed it. 0: the newest secret, or no secrets are set. */
export interface SessionTicket {
  readonly id: string;
  readonly secret: number;
}

/** A new id, for the newest secret. */
export function newTicket(hasOwnLife?: boolean): SessionTicket {
  return { id: newSessionId(hasOwnLife), secret: 0 };
}

/** What a key is derived for. Each purpose gets a different key (HKDF, RFC 5869). */
export type SecretPurpose = 'store key' | 'record' | 'user key';

export function deriveKey(secret: string, purpose: SecretPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `nestjs-session-manager ${purpose}`, 32));
}

/**
 * Derives store keys from session ids. A store key is a digest of the id, so the store's contents reveal
 * no ids (CVE-2019-16782). With secrets it is an HMAC, so only a process that has them can compute the key of an id.
 */
export class StoreKeys {
  /** Part of every key: after a change, no older session is found. 0 adds nothing to keys. */
  generation = 0;
  private readonly keys: readonly Buffer[];
  private readonly userKeys: readonly Buffer[];

  constructor(
    private readonly prefix: string,
    secrets: readonly string[],
  ) {
    this.keys = secrets.map((secret) => deriveKey(secret, 'store key'));
    this.userKeys = secrets.map((secret) => deriveKey(secret, 'user key'));
  }

  of({ id, secret }: SessionTicket): string {
    return this.keyOf(id, this.keys[secret]);
  }

  /**
   * The store key of a user's index for one secret. It never equals a session's key: the hashed text
   * contains a space, which ids do not.
   */
  ofUser(userId: string, secret: number): string {
    const key = this.userKeys[secret];
    return this.keyOf(key ? userId : `user ${userId}`, key);
  }

  private keyOf(name: string, key: Buffer | undefined): string {
    // No id and no name of a user's index begins with a number and a space.
    const text = this.generation === 0 ? name : `${this.generation} ${name}`;
    return this.prefix + (key ? hmac(key, text) : hash('sha256', text, 'base64url'));
  }

  /** The keys of a user's indexes for all secrets, the newest first. */
  allOfUser(userId: string): string[] {
    return Array.from({ length: this.keys.length || 1 }, (_, n) => this.ofUser(userId, n));
  }
}

/** Whether a text can be a session's key. Stored data may contain other keys, such as another cache's. */
export function isStoreKey(prefix: string, key: string): boolean {
  return key.startsWith(prefix) && KEY.test(key);
}

function hmac(key: Buffer, id: string): string {
  return createHmac('sha256', key).update(id).digest('base64url');
}
