import { serialize } from 'cookie';

import type { SessionCookieAttributes } from '../http/cookie.js';
import { SessionValueError } from '../session/errors.js';
import { printable } from '../session/printable.js';

/** How long the session's cookie is kept, in seconds; `false`: until the browser is closed. */
export interface CookieLife {
  readonly seconds: number | false;
  /** The session may then have another life: at most what the options allow. */
  setSeconds(seconds: number | false): void;
}

/**
 * The attributes of the session's cookie, as express-session's `session.cookie` has them. They tell what
 * the options of `SessionModule` say. `maxAge`, `expires` and `originalMaxAge` can be assigned: the session
 * then has a life of its own. What is assigned to others stays in this object.
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
  readonly #life: CookieLife;
  readonly #now: () => number;
  /** When the life of a persistent cookie was last looked at. */
  #since: number;

  /** `now`: of the application's clock. */
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

  /** Milliseconds that a persistent cookie is kept; `null`: until the browser is closed. */
  get originalMaxAge(): number | null {
    const { seconds } = this.#life;
    return seconds === false ? null : seconds * 1000;
  }

  set originalMaxAge(milliseconds: number | null) {
    this.maxAge = milliseconds;
  }

  /** When it goes; `null`: when the browser is closed. */
  get expires(): Date | null {
    const { originalMaxAge } = this;
    return originalMaxAge === null ? null : new Date(this.#since + originalMaxAge);
  }

  set expires(at: Date | null | false) {
    this.maxAge = at instanceof Date ? at.getTime() - this.#now() : at || null;
  }

  /** Milliseconds until it goes; `null`: when the browser is closed. */
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

  /** The whole life is left. */
  reset(): void {
    this.#since = this.#now();
  }

  /** Takes the life of another one, or what an object says of it; the rest is what the options say. */
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

  /** Its attributes, for JSON. */
  toJSON(): object {
    return this.data;
  }
}
