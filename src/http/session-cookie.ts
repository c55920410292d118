import { serialize, type SerializeOptions } from 'cookie';
import cookieParser from 'cookie-parser';

import type { CheckedCookieOptions } from './session-cookie-options.js';

/** The part of a request that `cookie-parser` reads and writes. */
interface CookieCarrier {
  headers: { cookie: string };
  cookies?: Record<string, unknown>;
}

type CookieParser = (carrier: CookieCarrier, response: undefined, next: () => void) => void;

const parse = cookieParser() as unknown as CookieParser;

/** Reads and writes the session cookie. */
export class SessionCookie {
  private readonly attributes: SerializeOptions;

  /** `maxAge`: seconds that a persistent cookie is kept. */
  constructor(
    private readonly options: CheckedCookieOptions,
    maxAge: number,
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
   * The cookie's value in a `Cookie` header. The header is parsed apart from the request, so that an
   * application with its own `cookie-parser` and secrets is not disturbed.
   */
  read(header: string | undefined): unknown {
    if (!header?.includes(this.options.name)) return undefined;
    const carrier: CookieCarrier = { headers: { cookie: header } };
    parse(carrier, undefined, () => undefined);
    return carrier.cookies?.[this.options.name];
  }

  /** The `Set-Cookie` header that gives the client its id. */
  give(id: string, isHttps: boolean): string {
    return this.serialize(id, this.attributes, isHttps);
  }

  /** The `Set-Cookie` header that takes the cookie away; browsers compare its attributes. */
  clear(isHttps: boolean): string {
    return this.serialize('', { ...this.attributes, maxAge: 0, expires: new Date(0) }, isHttps);
  }

  private serialize(value: string, attributes: SerializeOptions, isHttps: boolean): string {
    const { name, secure } = this.options;
    return serialize(name, value, { ...attributes, secure: secure === 'auto' ? isHttps : secure });
  }
}
