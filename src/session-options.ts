import {
  checkCookieOptions,
  type CheckedCookieOptions,
  type SessionCookieOptions,
} from './http/session-cookie-options.js';
import { refuseUnknownOptions, requireWholeNumber, withDefaults } from './session/option-checks.js';
import type { OutagePolicy } from './session/session-access.js';
import { SessionOptionsError } from './session/session.errors.js';
import {
  checkMemcachedOptions,
  type MemcachedLocation,
  type MemcachedOptions,
} from './store/memcached-options.js';
import type { KeyvLike, SessionCache } from './store/session-cache.js';

/**
 * The options of `SessionModule.forRoot()`. Sessions are kept in the one of `memcached`, `stores` and
 * `cache` that is given; in the memory of the process if none is.
 */
export interface SessionModuleOptions {
  /**
   * Seconds a session lives unused; every use renews it. Default 1200. A whole number from 1 up; to
   * 2,592,000 (30 days) in memcached, which takes more for a date.
   */
  timeout?: number;
  /**
   * Seconds a session lives at most, however much it is used; a new id does not prolong it. Default
   * 86,400 (a day); `false` for no such limit. (ASVS 5.0 V7.3.2)
   */
  absoluteTimeout?: number | false;
  /** memcached: `'host:port'`, a list of them, or its options. */
  memcached?: MemcachedLocation | undefined;
  /** A Keyv store or adapter, as in Nest's `CacheModule`: Redis, Postgres, SQLite, … */
  stores?: KeyvLike | readonly KeyvLike[] | undefined;
  /** An existing cache, such as the application's own `CACHE_MANAGER`, by `forRootAsync()`. */
  cache?: SessionCache | undefined;
  /** Begins every key in the store. Default `'sess:'`. */
  keyPrefix?: string;
  /**
   * Largest record in bytes. Default 1,000,000: memcached refuses more than 1 MiB, and then deletes
   * the record that was there. A larger one throws `SessionTooLargeError`; nothing is stored.
   */
  maxBytes?: number;
  cookie?: SessionCookieOptions;
  /**
   * Seconds after which a session gets a new id by itself, with the next response; so a stolen id is
   * good for a while only. Default `false`: never. (OWASP's renewal timeout)
   */
  rotateEvery?: number | false;
  /** Seconds for which the old id is still good then, for requests under way. Default 10. */
  rotateGrace?: number;
  /**
   * Signs the cookie, keys the store keys and encrypts the records. One, or a list, the newest first:
   * the first is used for what is new, all open what is there. Each of 32 characters or more, such as
   * `openssl rand -base64 32` makes. Default: none; cookies and records are then neither signed nor
   * encrypted, and keys are plain digests.
   */
  secrets?: string | readonly string[] | undefined;
  /**
   * Seconds between looks for sockets of gateways whose session has ended, to close them. Default 60;
   * `false`: none, and such a socket is closed at its next message that uses the session.
   */
  socketSweep?: number | false;
  /**
   * What routes get that do not say so themselves, by `@Session({ onOutage })`, if the store cannot be
   * read. Default `'refuse'`: a 503. `'anonymous'`: an empty session that refuses writes.
   */
  onOutage?: OutagePolicy;
  /**
   * `Cache-Control` of responses that used the session and set none. Default `'no-store'`
   * (ASVS 5.0 V14.3.2); `false` for none. `Vary: Cookie` is set in any case.
   */
  cacheControl?: string | false;
}

const DEFAULTS = {
  timeout: 1200,
  absoluteTimeout: 86_400 as number | false,
  keyPrefix: 'sess:',
  maxBytes: 1_000_000,
  rotateEvery: false as number | false,
  rotateGrace: 10,
  socketSweep: 60 as number | false,
  onOutage: 'refuse' as OutagePolicy,
  cacheControl: 'no-store' as string | false,
};

/** Where sessions are kept. */
export type SessionPlace =
  | { readonly memcached: MemcachedOptions }
  | { readonly stores: readonly KeyvLike[] }
  | { readonly cache: SessionCache }
  | 'memory';

/** The options with their defaults. */
export interface CheckedSessionOptions extends Readonly<typeof DEFAULTS> {
  readonly cookie: CheckedCookieOptions;
  readonly keptIn: SessionPlace;
  readonly secrets: readonly string[];
}

const PLACES = ['memcached', 'stores', 'cache'] as const;
const KNOWN = [...Object.keys(DEFAULTS), ...PLACES, 'cookie', 'secrets'];

/** A way to a new id is kept for so long, in seconds. */
const MAX_GRACE = 300;

/** A day; Node.js's timers take no more than 24 of them. */
const MAX_SWEEP = 86_400;

/** By hand nobody types so much; a password is not what is wanted here. */
const MIN_SECRET_LENGTH = 32;

/** Keys have to fit into memcached's 250 bytes, together with the 43 characters of a digest. */
const MAX_PREFIX_LENGTH = 200;

/**
 * Checks the options, once, at start.
 *
 * @throws SessionOptionsError that names the first wrong one
 */
export function checkSessionOptions(options: SessionModuleOptions = {}): CheckedSessionOptions {
  refuseUnknownOptions(options, KNOWN);
  const checked = withDefaults(DEFAULTS, options);
  const { timeout, absoluteTimeout, keyPrefix, maxBytes, rotateEvery, rotateGrace } = checked;
  const { cacheControl, socketSweep } = checked;
  requireWholeNumber('timeout', timeout, { unit: 'seconds', from: 1 });
  if (absoluteTimeout !== false) {
    requireWholeNumber('absoluteTimeout', absoluteTimeout, { unit: 'seconds', from: 1 });
  }
  if (rotateEvery !== false) {
    requireWholeNumber('rotateEvery', rotateEvery, { unit: 'seconds', from: 1 });
  }
  requireWholeNumber('rotateGrace', rotateGrace, { unit: 'seconds', from: 0, to: MAX_GRACE });
  if (socketSweep !== false) {
    requireWholeNumber('socketSweep', socketSweep, { unit: 'seconds', from: 1, to: MAX_SWEEP });
  }
  requireWholeNumber('maxBytes', maxBytes, { unit: 'bytes', from: 100 });
  if (!isText(keyPrefix, /^[\x21-\x7e]+$/) || keyPrefix.length > MAX_PREFIX_LENGTH) {
    throw new SessionOptionsError(
      'keyPrefix',
      `give visible ASCII characters without blanks, ${MAX_PREFIX_LENGTH} at most`,
    );
  }
  if (cacheControl !== false && !isText(cacheControl, /^[\x20-\x7e]+$/)) {
    throw new SessionOptionsError('cacheControl', 'give the value of a header, or false');
  }
  const { onOutage } = checked;
  if (!['refuse', 'anonymous'].includes(onOutage)) {
    throw new SessionOptionsError('onOutage', "give 'refuse' or 'anonymous'");
  }
  const cookie = checkCookieOptions(options.cookie);
  const keptIn = placeOf(options);
  const secrets = checkSecrets(options.secrets);
  return {
    ...{ timeout, absoluteTimeout, keyPrefix, maxBytes, rotateEvery, rotateGrace, cacheControl },
    ...{ socketSweep, onOutage, cookie, keptIn, secrets },
  };
}

/** No error shows one of them. */
function checkSecrets(option: SessionModuleOptions['secrets']): readonly string[] {
  if (option === undefined) return [];
  const secrets: unknown[] = [option].flat();
  if (secrets.length === 0) {
    throw new SessionOptionsError('secrets', 'give one or more, or leave the option out');
  }
  for (const [index, secret] of secrets.entries()) {
    if (typeof secret === 'string' && secret.length >= MIN_SECRET_LENGTH) continue;
    const which = Array.isArray(option) ? `secrets[${index}]` : 'secrets';
    throw new SessionOptionsError(
      which,
      `give a string of ${MIN_SECRET_LENGTH} characters or more, such as \`openssl rand -base64 32\` makes`,
    );
  }
  return secrets as string[];
}

function placeOf(options: SessionModuleOptions): SessionPlace {
  const [place, other] = PLACES.filter((name) => options[name] !== undefined);
  if (other) {
    throw new SessionOptionsError(other, `${place} is given, too; sessions are kept in one place`);
  }
  if (options.memcached !== undefined) {
    return { memcached: checkMemcachedOptions(options.memcached) };
  }
  if (options.stores !== undefined) {
    const stores: KeyvLike[] = [options.stores].flat();
    if (stores.length === 0 || !stores.every(hasFunctions('get', 'set', 'delete', 'clear'))) {
      throw new SessionOptionsError('stores', 'give a Keyv or a Keyv store adapter');
    }
    return { stores };
  }
  if (options.cache === undefined) return 'memory';
  if (!hasFunctions('get', 'set', 'del', 'on')(options.cache)) {
    throw new SessionOptionsError('cache', 'give a cache of cache-manager, such as CACHE_MANAGER');
  }
  return { cache: options.cache };
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function hasFunctions(...names: string[]): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}
