import { PUBLIC_SUFFIXES } from './public-suffixes.js';
import { refuseUnknownOptions, withDefaults } from '../session/option-checks.js';
import { SessionOptionsError } from '../session/errors.js';

/** The cookie that carries the session id. It is always `HttpOnly`. */
export interface SessionCookieOptions {
  /**
   * The name. Default `'SID'`. At most 200 characters. For names that begin with `__Host-`, `__Secure-`,
   * `__Http-` or `__Host-Http-` their rules are enforced (RFC 6265bis).
   */
  name?: string | undefined;
  /**
   * The path below which browsers send it. Default `'/'`. Outside of it no session can begin. Behind a
   * proxy that takes a prefix off, keep `'/'` and let the proxy set the path.
   */
  path?: string | undefined;
  /**
   * The domain whose hosts get it; not a public suffix. Default: none, so that only this exact host gets
   * it. If you change it, or `path`, change `name` as well: browsers keep the earlier cookie beside the
   * new one.
   */
  domain?: string | undefined;
  /** Whether requests from other sites carry it. Default `'lax'`. `'none'` needs `secure: true`. */
  sameSite?: 'lax' | 'strict' | 'none' | undefined;
  /**
   * `true`, the default: browsers store and send it only over https, and on http://localhost. `'auto'`:
   * `Secure` if the request came over https, by the framework's proxy settings. `false`: also over http.
   * With `requestSession()` of express-session's entry point, a `true` that is given sends none over http.
   */
  secure?: boolean | 'auto' | undefined;
  /**
   * CHIPS: a separate cookie jar for each site that embeds this one. Needs `secure: true`. Default
   * `false`.
   */
  partitioned?: boolean | undefined;
  /** Chromium drops cookies of low priority first when a site has too many. Default: none. */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /**
   * Default `false`: the cookie lasts until the browser is closed. `true`: it has a `Max-Age` of
   * `timeout`, and is sent again once a third of that has passed, which also rewrites the session.
   */
  persistent?: boolean | undefined;
}

/** With the defaults. */
export type CheckedCookieOptions = typeof DEFAULTS &
  SessionCookieOptions & {
    /** Whether `secure: true` was given, and is not only the default. */
    readonly isSecureGiven?: boolean;
  };

const DEFAULTS: Required<Omit<SessionCookieOptions, 'domain' | 'priority'>> = {
  name: 'SID',
  path: '/',
  sameSite: 'lax',
  secure: true,
  partitioned: false,
  persistent: false,
};

/** `httpOnly` is listed so that the error can say that it is fixed. */
const KNOWN = [...Object.keys(DEFAULTS), 'domain', 'priority', 'httpOnly'];

/** Cookie options of express-session and other libraries, with a hint for each. */
const FOREIGN_OPTIONS = {
  maxAge: 'give timeout, in seconds, and persistent: true for a cookie that outlives the browser',
  originalMaxAge: 'give timeout, in seconds, and persistent: true',
  expires: 'give timeout, in seconds, and persistent: true for a cookie that outlives the browser',
  expire: 'give timeout, in seconds, and persistent: true for a cookie that outlives the browser',
  signed: 'not needed here, because with the option secrets the cookie always is; leave it out',
  secret: 'did you mean the option secrets, beside cookie?',
  secrets: 'it stands beside cookie, not in it',
  overwrite: 'not needed here, because cookies of other names are never touched; leave it out',
  encode: 'not needed here, because an id has no character to encode; leave it out',
  timeout: 'it stands beside cookie, not in it',
};

/** Browsers refuse a cookie whose name and value are 4,096 bytes or more (RFC 6265bis, 5.6). */
const MAX_NAME = 200;
/** Browsers ignore a longer attribute value. */
const MAX_PATH = 1024;
/** Limits of DNS. */
const MAX_DOMAIN = 253;
const MAX_LABEL = 63;

/** A token of RFC 9110; it leaves out separators and control characters (CVE-2024-47764). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 6265bis: any character but controls and `;`. */
const PATH = /^\/[\x20-\x3a\x3c-\x7e]*$/;
const DOMAIN = /^\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** @throws SessionOptionsError that names the first wrong option */
export function checkCookieOptions(options: SessionCookieOptions = {}): CheckedCookieOptions {
  refuseUnknownOptions(options, KNOWN, 'cookie', FOREIGN_OPTIONS);
  const cookie: CheckedCookieOptions = withDefaults(DEFAULTS, options);
  if (!isOneOf((options as { httpOnly?: unknown }).httpOnly, [undefined, true])) {
    throw wrong('httpOnly', 'it is always true: no script may read a session id');
  }
  if (!matches(cookie.name, NAME)) {
    throw wrong('name', 'give letters, digits and - _ . only');
  }
  if (cookie.name.length > MAX_NAME) {
    throw wrong('name', `give ${MAX_NAME} characters at most; browsers take no long ones`);
  }
  if (!matches(cookie.path, PATH)) {
    throw wrong('path', 'give a path that begins with / and has no ; or control character');
  }
  if (cookie.path.length > MAX_PATH) {
    throw wrong('path', `give ${MAX_PATH} characters at most; browsers take no longer ones`);
  }
  if (cookie.domain !== undefined) checkDomain(cookie.domain);
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
  return options.secure === true ? { ...cookie, isSecureGiven: true } : cookie;
}

/** Browsers silently drop a cookie for a foreign domain. */
function checkDomain(domain: string): void {
  if (!matches(domain, DOMAIN)) throw wrong('domain', 'give a host name, such as example.org');
  const name = domain.replace(/^\./, '').toLowerCase();
  const labels = name.split('.');
  if (name.length > MAX_DOMAIN || labels.some(({ length }) => length > MAX_LABEL)) {
    throw wrong('domain', 'it is longer than a host name can be');
  }
  if (/^\d+$/.test(labels.at(-1)!)) {
    throw wrong('domain', 'an address has no domain; leave the option out');
  }
  // For localhost browsers make it a host-only cookie.
  if (labels.length === 1 && name !== 'localhost') {
    throw wrong(
      'domain',
      `browsers keep no cookie for all of ${name}; leave the option out for one host, or give a domain ` +
        'of your own, such as example.org',
    );
  }
  if (PUBLIC_SUFFIXES.has(name)) {
    throw wrong(
      'domain',
      `anybody can have a host below ${name} (a public suffix), so browsers keep no cookie for all of ` +
        'them; leave the option out for one host, or give a domain of your own',
    );
  }
}

/** Refuses combinations that browsers silently drop. They compare the prefixes case-insensitively. */
function checkTogether(cookie: CheckedCookieOptions): void {
  const isHostOnly = cookie.domain === undefined && cookie.path === '/';
  if (/^__host-/i.test(cookie.name) && !isHostOnly) {
    throw wrong('name', "a __Host- cookie needs path: '/' and no domain");
  }
  if (cookie.secure === true) return;
  if (/^__(host|secure|http)-/i.test(cookie.name)) {
    throw wrong('name', 'a __Host-, __Secure- or __Http- cookie needs secure: true');
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
