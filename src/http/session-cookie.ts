import { serialize, type SerializeOptions } from 'cookie';
import cookieParser from 'cookie-parser';
import { sign, unsign } from 'cookie-signature';

import { isSessionId } from '../session/session-id.js';
import type { SessionTicket } from '../session/session-keys.js';
import type { CheckedCookieOptions } from './session-cookie-options.js';

/** The part of a request that `cookie-parser` reads and writes. */
interface CookieCarrier {
  headers: { cookie: string };
  cookies?: Record<string, unknown>;
}

type CookieParser = (carrier: CookieCarrier, response: undefined, next: () => void) => void;

const parse = cookieParser() as unknown as CookieParser;

/** What came in a `Cookie` header. */
export interface ReceivedCookie {
  readonly wasSent: boolean;
  /** Two different ones came: whose they are cannot be told. */
  readonly isAmbiguous: boolean;
  /** The id, if it can be one, and is signed if it has to be. */
  readonly ticket: SessionTicket | undefined;
}

const NOT_SENT: ReceivedCookie = { wasSent: false, isAmbiguous: false, ticket: undefined };
const AMBIGUOUS: ReceivedCookie = { wasSent: true, isAmbiguous: true, ticket: undefined };

/** Before a signed value, as `cookie-parser` and Express's `res.cookie` have it. */
const SIGNED = 's:';

/** Reads and writes the session cookie. */
export class SessionCookie {
  private readonly attributes: SerializeOptions;

  /** `maxAge`: seconds that a persistent cookie is kept. `secrets`: the newest first, which signs. */
  constructor(
    private readonly options: CheckedCookieOptions,
    maxAge: number,
    private readonly secrets: readonly string[] = [],
  ) {
    const { path, domain, sameSite, partitioned, priority, persistent } = options;
    this.attributes = { httpOnly: true, path, domain, sameSite, partitioned, priority };
    if (persistent) this.attributes.maxAge = maxAge;
  }

  /** Whether browsers keep it over https only, whatever way the request came. */
  get needsHttps(): boolean {
    return this.options.secure === true;
  }

  /**
   * Reads a `Cookie` header. It is parsed apart from the request, so that an application with its own
   * `cookie-parser` and secrets is not disturbed.
   */
  read(header: string | undefined): ReceivedCookie {
    const { name } = this.options;
    if (!header?.includes(name)) return NOT_SENT;
    if (differ(header, name)) return AMBIGUOUS;
    const carrier: CookieCarrier = { headers: { cookie: header } };
    parse(carrier, undefined, () => undefined);
    const value = carrier.cookies?.[name];
    if (value === undefined) return NOT_SENT;
    return { wasSent: true, isAmbiguous: false, ticket: this.ticketOf(value) };
  }

  /** The `Set-Cookie` header that gives the client its id. */
  give({ id, secret }: SessionTicket, isHttps: boolean): string {
    const key = this.secrets[secret];
    return this.serialize(key ? SIGNED + sign(id, key) : id, this.attributes, isHttps);
  }

  /** The `Set-Cookie` header that takes the cookie away; browsers compare its attributes. */
  clear(isHttps: boolean): string {
    return this.serialize('', { ...this.attributes, maxAge: 0, expires: new Date(0) }, isHttps);
  }

  /** Which secret signed the value is tried; `unsign` compares in constant time. */
  private ticketOf(value: unknown): SessionTicket | undefined {
    if (this.secrets.length === 0) return isSessionId(value) ? { id: value, secret: 0 } : undefined;
    if (typeof value !== 'string' || !value.startsWith(SIGNED)) return undefined;
    const signed = value.slice(SIGNED.length);
    const id = signed.slice(0, signed.indexOf('.'));
    if (!isSessionId(id)) return undefined;
    const secret = this.secrets.findIndex((one) => unsign(signed, one) === id);
    return secret === -1 ? undefined : { id, secret };
  }

  private serialize(value: string, attributes: SerializeOptions, isHttps: boolean): string {
    const { name, secure } = this.options;
    return serialize(name, value, { ...attributes, secure: secure === 'auto' ? isHttps : secure });
  }
}

/** Whether a header has several cookies of that name, of different values. */
function differ(header: string, name: string): boolean {
  if (header.indexOf(name) === header.lastIndexOf(name)) return false;
  const values = new Set<string>();
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) values.add(pair.slice(at + 1).trim());
  }
  return values.size > 1;
}
