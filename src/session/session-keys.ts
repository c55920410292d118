import { createHmac, hash, hkdfSync } from 'node:crypto';

/** A session id, and which of the secrets it belongs to: 0 is the newest, or there are none. */
export interface SessionTicket {
  readonly id: string;
  readonly secret: number;
}

/** What a secret is used for; each use has a key of its own (HKDF, RFC 5869). */
export type SecretPurpose = 'store key' | 'record';

export function deriveKey(secret: string, purpose: SecretPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `nestjs-session-manager ${purpose}`, 32));
}

/**
 * Where sessions are stored. Only a digest of the id is, so that what is in the store opens no
 * session (CVE-2019-16782); with secrets a keyed one, so that nobody without them can even tell
 * which record an id belongs to.
 */
export class StoreKeys {
  private readonly keys: readonly Buffer[];

  constructor(
    private readonly prefix: string,
    secrets: readonly string[],
  ) {
    this.keys = secrets.map((secret) => deriveKey(secret, 'store key'));
  }

  of({ id, secret }: SessionTicket): string {
    const key = this.keys[secret];
    return this.prefix + (key ? hmac(key, id) : hash('sha256', id, 'base64url'));
  }
}

function hmac(key: Buffer, id: string): string {
  return createHmac('sha256', key).update(id).digest('base64url');
}
