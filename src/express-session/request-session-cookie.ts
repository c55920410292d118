import { serialize } from 'cookie';

import type { SessionCookieAttributes } from '../http/cookie.js';
import { SessionValueError } from '../session/errors.js';
import { printable } from '../session/printable.js';

/** How long the browser keeps the session's cookie. */
export interface CookieLife {
  /** Seconds; `false`: until the browser is closed. */
  readonly seconds: number | false;
  /** Sets it. The session's lifetime changes as well, within the limits of the options. */
  setSeconds(seconds: number | false): void;
}

/**
 * The attributes of the session's cookie, like `session.cookie` of express-session. Their values come from
 * the options of `SessionModule`. Assigning `maxAge`, `expires` or `originalMaxAge` gives the session its own
 * lifetime. Assigning another attribute changes only this object.
 */
export class RequestSessionCookie {
  /** Browsers send the cookie to this path and below it. */
  path: string;
  /** Always `true`: scripts cannot read the cookie. */
  httpOnly: boolean;
  /** Whether browsers send the cookie over https only. */
  secure: boolean | undefined;
  /** Browsers send the cookie to all hosts of this domain; `undefined`: only to this host. */
  domain: string | undefined;
  /** Whether browsers send the cookie with requests from other sites. */
  sameSite: SessionCookieAttributes['sameSite'];
  /** Whether browsers keep a separate cookie for each site that embeds this one. */
  partitioned: boolean | undefined;
  /** The cookie's priority when Chromium evicts cookies. */
  priority: SessionCookieAttributes['priority'];
  readonly #life: CookieLife;
  readonly #now: () => number;
  /** When the life of a persistent cookie last began. */
  #since: number;

  /** `now`: the application's clock. */
  constructor(attributes: SessionCookieAttributes, life: CookieLife, now: () => number) {
    const { path = '/', secure, domain, sameSite, partitioned, priority } = attributes;
    this.path = path;
    this.httpOnly = true;
    this.secure = secure;
    this.domain = domain;
    this.sameSite = sameSite;
    this.partitioned = partitioned || undefined;
    this.priority = priority;
    this.#life = life;
    this.#now = now;
    this.#since = now();
  }

  /** The life of a persistent cookie in milliseconds; `null`: until the browser is closed. */
  get originalMaxAge(): number | null {
    const { seconds } = this.#life;
    return seconds === false ? null : seconds * 1000;
  }

  set originalMaxAge(milliseconds: number | null) {
    this.maxAge = milliseconds;
  }

  /** When the cookie expires; `null`: when the browser is closed. */
  get expires(): Date | null {
    const { originalMaxAge } = this;
    return originalMaxAge === null ? null : new Date(this.#since + originalMaxAge);
  }

  set expires(at: Date | null | false) {
    this.maxAge = at instanceof Date ? at.getTime() - this.#now() : at || null;
  }

  /** Milliseconds until the cookie expires; `null`: until the browser is closed. */
  get maxAge(): number | null {
    const { expires } = this;
    return expires && expires.getTime() - this.#now();
  }

  /** @throws SessionValueError unless it is a number of milliseconds, `null` or a `Date` */
  set maxAge(milliseconds: number | null | undefined | false) {
    const value: unknown = milliseconds;
    if (value instanceof Date) {
      this.expires = value;
      return;
    }
    const isNone = value === null || value === undefined || value === false;
    if (!isNone && !Number.isFinite(value)) {
      throw new SessionValueError(
        'cookie.maxAge',
        `give milliseconds, or null for a cookie until the browser is closed, not ${printable(value)}`,
      );
    }
    this.#life.setSeconds(!isNone && Math.max(1, Math.ceil((value as number) / 1000)));
    this.reset();
  }

  /** Starts the life of the cookie again. */
  reset(): void {
    this.#since = this.#now();
  }

  /** Copies the life of another cookie, or of an object. Other attributes stay those of the options. */
  assign(cookie: RequestSessionCookie): void {
    const { originalMaxAge, maxAge, expires } = (cookie ?? {}) as Partial<RequestSessionCookie>;
    if (originalMaxAge !== undefined) this.maxAge = originalMaxAge;
    else if (maxAge !== undefined) this.maxAge = maxAge;
    else if (expires !== undefined) this.expires = expires;
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

  /** Returns all attributes, for JSON. */
  toJSON(): object {
    return this.data;
  }
}

// One prototype serves all requests, as that of the session.
Object.freeze(RequestSessionCookie);
Object.freeze(RequestSessionCookie.prototype);
