import type { IncomingMessage } from 'node:http';

import type { SessionTicket } from '../session/storage/keys.js';
import { NOT_SENT, type ReceivedId } from './received-id.js';
import { SignedIds } from './signed-ids.js';

/** RFC 6750, 2.1; the scheme is case-insensitive (RFC 9110, 11.1). */
const BEARER = /^bearer(?: +|$)/i;

const RECEIVED = { wasSent: true, isAmbiguous: false, by: 'header' } as const;
const AMBIGUOUS: ReceivedId = { ...RECEIVED, isAmbiguous: true, ticket: undefined };
const NO_ID: ReceivedId = { ...RECEIVED, ticket: undefined };
/** The header without a value: the client has no id yet, and wants it in this header. */
export const ASKED_FOR: ReceivedId = { ...RECEIVED, ticket: undefined };

/** Reads and writes the header that carries the session id. */
export class SessionHeader {
  private readonly ids: SignedIds;
  /** `Authorization` also carries other credentials: only a `Bearer` token with the form of an id is read. */
  private readonly isAuthorization: boolean;

  /** `name` in lower case. `secrets`: the first is the newest and signs. */
  constructor(
    readonly name: string,
    secrets: readonly string[] = [],
  ) {
    this.ids = new SignedIds(secrets);
    this.isAuthorization = name === 'authorization';
  }

  /** Reads the header of a request: an id, or `Bearer` and an id. */
  read({ headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): ReceivedId {
    const value = headers[this.name];
    if (value === undefined) return NOT_SENT;
    if (differ(rawHeaders, this.name)) return AMBIGUOUS;
    const text = String(value);
    const token = text.replace(BEARER, '');
    if (this.isAuthorization && (token === text || !this.isOurs(token))) return NOT_SENT;
    if (token === '') return ASKED_FOR;
    const ticket = this.ids.read(token);
    return ticket ? { ...RECEIVED, ticket } : NO_ID;
  }

  /** The value of the response's header, which the client sends back unchanged. */
  give(ticket: SessionTicket): string {
    const id = this.ids.write(ticket);
    return this.isAuthorization ? `Bearer ${id}` : id;
  }

  private isOurs(token: string): boolean {
    return token === '' || this.ids.resembles(token);
  }
}

/** Whether the header was sent several times with different values: Node.js keeps one or joins them. */
function differ(rawHeaders: readonly string[], name: string): boolean {
  let first: string | undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() !== name) continue;
    first ??= rawHeaders[at + 1]!;
    if (rawHeaders[at + 1] !== first) return true;
  }
  return false;
}
