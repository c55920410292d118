import { serialize } from 'cookie';

import type { SessionCookieAttributes } from '../http/cookie.js';

/**
 * The attributes of the session's cookie, as express-session's `session.cookie` has them. They tell what
 * the options of `SessionModule` say; what is assigned to them stays in this object.
 */
export class RequestSessionCookie {
  /** The path below which browsers send it. */
  path: string;
  /** Always `true`: no script may read it. */
  httpOnly: boolean;
  /** Whether browsers send it over https only. */
  secure: boolean | undefined;
  /** The domain whose hosts get it; `undefined`: this host only. */
  domain: string | undefined;
  /** Whether requests from other sites carry it. */
  sameSite: SessionCookieAttributes['sameSite'];
  /** Whether each site that embeds this one has its own. */
  partitioned: boolean | undefined;
  /** Which cookies Chromium drops first. */
  priority: SessionCookieAttributes['priority'];
  /** Milliseconds that a persistent cookie is kept; `null`: until the browser is closed. */
  originalMaxAge: number | null;
  /** When it goes, `null`: when the browser is closed. */
  expires: Date | null;

  /** `now`: of the application's clock. */
  constructor(
    attributes: SessionCookieAttributes,
    private readonly now: () => number,
  ) {
    // Not enumerable, or whoever copies a cookie would copy it.
    Object.defineProperty(this, 'now', { enumerable: false });
    const { path = '/', secure, domain, sameSite, partitioned, priority, maxAge } = attributes;
    this.path = path;
    this.httpOnly = true;
    this.secure = secure;
    this.domain = domain;
    this.sameSite = sameSite;
    this.partitioned = partitioned || undefined;
    this.priority = priority;
    this.originalMaxAge = maxAge === undefined ? null : maxAge * 1000;
    this.expires = null;
    this.maxAge = this.originalMaxAge;
  }

  /** Milliseconds until it goes; `null`: when the browser is closed. */
  get maxAge(): number | null {
    return this.expires && this.expires.getTime() - this.now();
  }

  set maxAge(milliseconds: number | null) {
    this.expires = milliseconds === null ? null : new Date(this.now() + milliseconds);
    this.originalMaxAge = milliseconds;
  }

  /** All attributes, in a plain object. */
  get data(): object {
    const { originalMaxAge, partitioned, priority, expires, secure } = this;
    const { httpOnly, domain, path, sameSite } = this;
    return {
      ...{ originalMaxAge, partitioned, priority, expires, secure },
      ...{ httpOnly, domain, path, sameSite },
    };
  }

  /** A `Set-Cookie` header with these attributes. */
  serialize(name: string, value: string): string {
    const { expires, ...attributes } = this.data as { expires: Date | null };
    return serialize(name, value, { ...attributes, ...(expires && { expires }) });
  }

  /** Its attributes, for JSON. */
  toJSON(): object {
    return this.data;
  }
}
