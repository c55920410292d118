import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { deriveKey } from './keys.js';

/**
 * Protects a stored record and binds it to its store key, so that a damaged record, or a record copied
 * from another key, is detected.
 */
export interface RecordSeal {
  close(storeKey: string, record: string): string;
  /** `undefined`: the text was changed, or was stored under another key or with another secret. */
  open(storeKey: string, stored: string): string | undefined;
}

/** The first secret seals, every secret can open. Without secrets, a checksum is used. */
export function recordSeal(secrets: readonly string[]): RecordSeal {
  return secrets.length > 0 ? new EncryptingSeal(secrets) : checksumSeal;
}

const CHECKSUM_LENGTH = 8;

/** Detects accidents, not attacks: anyone who can write to the store can compute a checksum. */
export const checksumSeal: RecordSeal = {
  close: (storeKey, record) => checksum(storeKey, record) + record,
  open(storeKey, stored) {
    const record = stored.slice(CHECKSUM_LENGTH);
    return stored.slice(0, CHECKSUM_LENGTH) === checksum(storeKey, record) ? record : undefined;
  },
};

function checksum(storeKey: string, record: string): string {
  return crc32(record, crc32(storeKey)).toString(16).padStart(CHECKSUM_LENGTH, '0');
}

/** The prefix of a sealed record; it names the format and the cipher, and is authenticated too. */
const SEALED = 'e1:';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM (NIST SP 800-38D). With random 96-bit nonces, one key may seal 2³² records (section 8.3). At
 * a hundred writes a second that takes more than a year, so rotate secrets yearly.
 */
class EncryptingSeal implements RecordSeal {
  private readonly keys: readonly Buffer[];

  constructor(secrets: readonly string[]) {
    this.keys = secrets.map((secret) => deriveKey(secret, 'record'));
  }

  close(storeKey: string, record: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.keys[0]!, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(SEALED + storeKey));
    const parts = [nonce, cipher.update(record, 'utf8'), cipher.final(), cipher.getAuthTag()];
    return SEALED + Buffer.concat(parts).toString('base64');
  }

  open(storeKey: string, stored: string): string | undefined {
    if (!stored.startsWith(SEALED)) return undefined;
    const text = stored.slice(SEALED.length);
    const bytes = Buffer.from(text, 'base64');
    // Node.js skips characters that are not base64.
    if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64') !== text) {
      return undefined;
    }
    for (const key of this.keys) {
      const record = decrypt(key, storeKey, bytes);
      if (record !== undefined) return record;
    }
    return undefined;
  }
}

function decrypt(key: Buffer, storeKey: string, bytes: Buffer): string | undefined {
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(SEALED + storeKey));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const opened = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return Buffer.concat(opened).toString('utf8');
  } catch {
    return undefined; // sealed with another secret, for another key, or damaged
  }
}
