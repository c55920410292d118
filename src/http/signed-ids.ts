import { sign, unsign } from 'cookie-signature';

import { isSessionId } from '../session/session-id.js';
import type { SessionTicket } from '../session/storage/keys.js';

/** The prefix of a signed value, as in `cookie-parser` and Express's `res.cookie`. */
const SIGNED = 's:';

/** Writes session ids for clients, signed if there are secrets, and reads them. */
export class SignedIds {
  /** The first secret is the newest and signs. */
  constructor(private readonly secrets: readonly string[]) {}

  /** Tries each secret; `unsign` compares in constant time. */
  read(value: unknown): SessionTicket | undefined {
    if (this.secrets.length === 0) return isSessionId(value) ? { id: value, secret: 0 } : undefined;
    if (typeof value !== 'string' || !value.startsWith(SIGNED)) return undefined;
    const signed = value.slice(SIGNED.length);
    const id = signed.slice(0, signed.indexOf('.'));
    if (!isSessionId(id)) return undefined;
    const secret = this.secrets.findIndex((one) => unsign(signed, one) === id);
    return secret === -1 ? undefined : { id, secret };
  }

  write({ id, secret }: SessionTicket): string {
    const key = this.secrets[secret];
    return key ? SIGNED + sign(id, key) : id;
  }

  /** Whether a value has the form of a session id, valid or not. */
  resembles(value: string): boolean {
    return this.secrets.length === 0 ? isSessionId(value) : value.startsWith(SIGNED);
  }
}
