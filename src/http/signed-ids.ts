import { sign, unsign } from 'cookie-signature';

import { isSessionId } from '../session/session-id.js';
import type { SessionTicket } from '../session/storage/keys.js';

/** Before a signed value, as `cookie-parser` and Express's `res.cookie` have it. */
const SIGNED = 's:';

/** What clients are given for a session id: the id itself, or with secrets the id signed. */
export class SignedIds {
  /** The newest first, which signs. */
  constructor(private readonly secrets: readonly string[]) {}

  /** Which secret signed the value is tried; `unsign` compares in constant time. */
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

  /** Whether it may be meant as one of ours. */
  resembles(value: string): boolean {
    return this.secrets.length === 0 ? isSessionId(value) : value.startsWith(SIGNED);
  }
}
