import { createHmac, hash, hkdfSync } from 'node:crypto';

import { newSessionId } from '../session-id.js';

/** As memcached takes them. */
const KEY = /^[\x21-\x7e]{1,250}$/;

/** A session id, and which of the secrets it belongs to: 0 is the newest, or there are none. */
export interface SessionTicket {
  readonly id: string;
  readonly secret: number;
}

/** A new id, under the newest secret. */
export function newTicket(): SessionTicket {
  return { id: newSessionId(), secret: 0 };
}

/** What a secret is used for; each use has a key of its own (HKDF, RFC 5869). */
export type SecretPurpose = 'store key' | 'record' | 'user key';

export function deriveKey(secret: string, purpose: SecretPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `nestjs-session-manager ${purpose}`, 32));
}

/**
 * Where sessions are stored. Only a digest of the id is, so that what is in the store opens no
 * session (CVE-2019-16782); with secrets a keyed one, so that nobody without them can even tell
 * which record an id belongs to.
 */
export class StoreKeys {
  /** Part of every key: with another one, no session of before is found. 0 adds nothing. */
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
   * Where the index of a user's sessions is, for those of this secret. No session is ever there: what
   * is hashed has a blank, and no id has.
   */
  ofUser(userId: string, secret: number): string {
    const key = this.userKeys[secret];
    return this.keyOf(key ? userId : `user ${userId}`, key);
  }

  private keyOf(name: string, key: Buffer | undefined): string {
    // No id begins like this, nor does the name of a user's index without secrets.
    const text = this.generation === 0 ? name : `${this.generation} ${name}`;
    return this.prefix + (key ? hmac(key, text) : hash('sha256', text, 'base64url'));
  }

  /** All that there may be, the newest secret's first. */
  allOfUser(userId: string): string[] {
    return Array.from({ length: this.keys.length || 1 }, (_, n) => this.ofUser(userId, n));
  }
}

/** Whether it can be a session's key. What is stored may name anything, such as another cache's keys. */
export function isStoreKey(prefix: string, key: string): boolean {
  return key.startsWith(prefix) && KEY.test(key);
}

function hmac(key: Buffer, id: string): string {
  return createHmac('sha256', key).update(id).digest('base64url');
}
