import { refuseUnknownOptions, withDefaults } from '../session/option-checks.js';
import { SessionOptionsError } from '../session/session.errors.js';

/** The cookie that carries the session id. It is always `HttpOnly`. */
export interface SessionCookieOptions {
  /** Default `'SID'`. For `__Host-` and `__Secure-` names their rules are enforced (RFC 6265bis). */
  name?: string;
  /** Default `'/'`. */
  path?: string;
  /** Default: none, so that only this exact host gets it. */
  domain?: string | undefined;
  /** Default `'lax'`. `'none'` needs `secure: true`. */
  sameSite?: 'lax' | 'strict' | 'none';
  /**
   * Default `true`: browsers store and send it only over https, and on http://localhost. `'auto'`:
   * `Secure` if the request came over https, by the framework's proxy settings. `false`: also over http.
   */
  secure?: boolean | 'auto';
  /** CHIPS: a separate cookie jar for each site that embeds this one. Needs `secure: true`. */
  partitioned?: boolean;
  /** Chromium drops cookies of low priority first when a site has too many. Default: none. */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /**
   * Default `false`: the cookie lasts until the browser is closed. `true`: it has a `Max-Age` of
   * `timeout`, and is sent again once half of that has passed.
   */
  persistent?: boolean;
}

/** With the defaults. */
export type CheckedCookieOptions = typeof DEFAULTS & SessionCookieOptions;

const DEFAULTS: Required<Omit<SessionCookieOptions, 'domain' | 'priority'>> = {
  name: 'SID',
  path: '/',
  sameSite: 'lax',
  secure: true,
  partitioned: false,
  persistent: false,
};

/** `httpOnly` is known, to say that it is fixed. */
const KNOWN = [...Object.keys(DEFAULTS), 'domain', 'priority', 'httpOnly'];

/** A token of RFC 9110; it leaves out separators and control characters (CVE-2024-47764). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 6265bis: any character but controls and `;`. */
const PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/;
const DOMAIN = /^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** @throws SessionOptionsError that names the first wrong option */
export function checkCookieOptions(options: SessionCookieOptions = {}): CheckedCookieOptions {
  refuseUnknownOptions(options, KNOWN, 'cookie');
  const cookie: CheckedCookieOptions = withDefaults(DEFAULTS, options);
  if (!isOneOf((options as { httpOnly?: unknown }).httpOnly, [undefined, true])) {
    throw wrong('httpOnly', 'it is always true: no script may read a session id');
  }
  if (!matches(cookie.name, NAME)) {
    throw wrong('name', 'give letters, digits and - _ . only');
  }
  if (!matches(cookie.path, PATH)) {
    throw wrong('path', 'give a path that begins with / and has no ; or control character');
  }
  if (cookie.domain !== undefined && !matches(cookie.domain, DOMAIN)) {
    throw wrong('domain', 'give a host name, such as example.org');
  }
  if (!isOneOf(cookie.sameSite, ['lax', 'strict', 'none'])) {
    throw wrong('sameSite', "give 'lax', 'strict' or 'none'");
  }
  if (!isOneOf(cookie.secure, [true, false, 'auto'])) {
    throw wrong('secure', "give true, false or 'auto'");
  }
  if (!isOneOf(cookie.priority, [undefined, 'low', 'medium', 'high'])) {
    throw wrong('priority', "give 'low', 'medium' or 'high'");
  }
  for (const option of ['partitioned', 'persistent'] as const) {
    if (typeof cookie[option] !== 'boolean') throw wrong(option, 'give true or false');
  }
  checkTogether(cookie);
  return cookie;
}

/** What browsers would drop without a word; they take the prefixes in any case. */
function checkTogether(cookie: CheckedCookieOptions): void {
  const isHostOnly = cookie.domain === undefined && cookie.path === '/';
  if (/^__host-/i.test(cookie.name) && !isHostOnly) {
    throw wrong('name', "a __Host- cookie needs path: '/' and no domain");
  }
  if (cookie.secure === true) return;
  if (/^__(host|secure)-/i.test(cookie.name)) {
    throw wrong('name', 'a __Host- or __Secure- cookie needs secure: true');
  }
  if (cookie.sameSite === 'none') throw wrong('sameSite', "'none' needs secure: true");
  if (cookie.partitioned) throw wrong('partitioned', 'it needs secure: true');
}

function wrong(option: string, problem: string): SessionOptionsError {
  return new SessionOptionsError(`cookie.${option}`, problem);
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function isOneOf(value: unknown, values: readonly unknown[]): boolean {
  return values.includes(value);
}
