import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { deriveKey } from './keys.js';

/**
 * What stands between a record and the store. It binds the record to its store key: neither a damaged
 * record nor another session's is taken for this one's.
 */
export interface RecordSeal {
  close(storeKey: string, record: string): string;
  /** `undefined`: it is not what was stored under this key. */
  open(storeKey: string, stored: string): string | undefined;
}

/** The first secret seals, all of them open. Without secrets a checksum has to do. */
export function recordSeal(secrets: readonly string[]): RecordSeal {
  return secrets.length > 0 ? new EncryptingSeal(secrets) : checksumSeal;
}

const CHECKSUM_LENGTH = 8;

/** Against accidents; whoever can write to the store can make a checksum, too. */
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

/** Before a sealed record, and part of what is authenticated: its form, and with it the cipher. */
const SEALED = 'e1:';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM (NIST SP 800-38D). A random nonce of 96 bits is good for 2³² records under one key, by
 * section 8.3; at a hundred writes a second that is more than a year, so secrets want to be rotated.
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
    // Node.js reads past characters that are none of base64's.
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
