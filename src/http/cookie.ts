import { serialize, type SerializeOptions } from 'cookie';
import cookieParser from 'cookie-parser';

import type { SessionTicket } from '../session/storage/keys.js';
import { otherPlaces } from './other-places.js';
import { NOT_SENT, type ReceivedId } from './received-id.js';
import type { CheckedCookieOptions } from './cookie-options.js';
import { SignedIds } from './signed-ids.js';

/** The part of a request that `cookie-parser` reads and writes. */
interface CookieCarrier {
  headers: { cookie: string };
  cookies?: Record<string, unknown>;
}

type CookieParser = (carrier: CookieCarrier, response: undefined, next: () => void) => void;

const parse = cookieParser() as unknown as CookieParser;

const AMBIGUOUS: ReceivedId = { wasSent: true, isAmbiguous: true, ticket: undefined };

/** `maxAge` in seconds: of a persistent cookie. */
export type SessionCookieAttributes = Pick<
  SerializeOptions,
  'httpOnly' | 'path' | 'domain' | 'sameSite' | 'secure' | 'partitioned' | 'priority' | 'maxAge'
>;

/** Reads and writes the session cookie. */
export class SessionCookie {
  private readonly attributes: SerializeOptions;
  private readonly ids: SignedIds;
  /** The default `Max-Age` in seconds; `false`: none, the cookie lasts until the browser is closed. */
  private readonly life: number | false;

  /** `maxAge`: of a persistent cookie, in seconds. `secrets`: the first is the newest and signs. */
  constructor(
    private readonly options: CheckedCookieOptions,
    maxAge: number,
    secrets: readonly string[] = [],
  ) {
    this.ids = new SignedIds(secrets);
    const { path, domain, sameSite, partitioned, priority, persistent } = options;
    this.attributes = { httpOnly: true, path, domain, sameSite, partitioned, priority };
    this.life = persistent && maxAge;
  }

  attributesOver(isHttps: boolean): SessionCookieAttributes {
    const { secure } = this.options;
    return { ...this.attributes, secure: secure === 'auto' ? isHttps : secure };
  }

  /** Whether browsers store it over https only. */
  get needsHttps(): boolean {
    return this.options.secure === true;
  }

  /** Whether the application said so, and did not only leave the option out. */
  get isSecureGiven(): boolean {
    return this.options.isSecureGiven === true;
  }

  /** Whether browsers send it with requests to this target (RFC 6265, 5.1.4). */
  isSentTo(target: string): boolean {
    const own = this.options.path;
    if (own === '/') return true;
    // Through a forward proxy the target is a whole URL (RFC 9112, 3.2.2).
    const path = target.replace(/^https?:\/\/[^/?]*/i, '');
    if (!path.startsWith(own)) return false;
    return path.length === own.length || own.endsWith('/') || /[/?]/.test(path[own.length]!);
  }

  /**
   * Reads a `Cookie` header. `cookie-parser` gets a separate object, not the request, so that the
   * application's own `cookie-parser` and secrets are not affected.
   */
  read(header: string | undefined): ReceivedId {
    const { name } = this.options;
    if (!header?.includes(name)) return NOT_SENT;
    if (differ(header, name)) return AMBIGUOUS;
    const carrier: CookieCarrier = { headers: { cookie: header } };
    parse(carrier, undefined, () => undefined);
    const value = carrier.cookies?.[name];
    if (value === undefined) return NOT_SENT;
    return { wasSent: true, isAmbiguous: false, ticket: this.ids.read(value) };
  }

  /** The `Set-Cookie` header that gives the client its id. `life`: its `Max-Age` in seconds; `false`: none. */
  give(ticket: SessionTicket, isHttps: boolean, life = this.life): string {
    const attributes = life === false ? this.attributes : { ...this.attributes, maxAge: life };
    return this.serialize(this.ids.write(ticket), attributes, isHttps);
  }

  /**
   * `Set-Cookie` headers that clear other cookies of this name, which were set with another domain or path, as
   * far as these can be guessed.
   */
  clearOthers(isHttps: boolean, host: string | undefined, target: string): string[] {
    const { domain, path, partitioned, secure } = this.options;
    const isSecure = secure === 'auto' ? isHttps : secure;
    const clear = (where: SerializeOptions) =>
      this.serialize('', { ...where, maxAge: 0, httpOnly: true }, isHttps);
    const others = otherPlaces({ domain, path }, host, target).map((place) =>
      clear({ ...place, partitioned }),
    );
    // A cookie from before `partitioned` was changed is in another cookie jar.
    return isSecure ? [clear({ domain, path, partitioned: !partitioned }), ...others] : others;
  }

  /** The `Set-Cookie` header that clears the cookie. Browsers compare its attributes. */
  clear(isHttps: boolean): string {
    return this.serialize('', { ...this.attributes, maxAge: 0, expires: new Date(0) }, isHttps);
  }

  private serialize(value: string, attributes: SerializeOptions, isHttps: boolean): string {
    const { name, secure } = this.options;
    return serialize(name, value, { ...attributes, secure: secure === 'auto' ? isHttps : secure });
  }
}

/** Whether a header has several cookies of this name with different values. */
function differ(header: string, name: string): boolean {
  if (header.indexOf(name) === header.lastIndexOf(name)) return false;
  const values = new Set<string>();
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && unpadded(pair.slice(0, at)) === name) values.add(unpadded(pair.slice(at + 1)));
  }
  return values.size > 1;
}

/** Only spaces and tabs are trimmed (RFC 6265bis, 5.6); `trim()` could turn another name into ours. */
function unpadded(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}
