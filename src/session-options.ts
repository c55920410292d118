import {
  checkCookieOptions,
  type CheckedCookieOptions,
  type SessionCookieOptions,
} from './http/session-cookie-options.js';
import {
  checkTransport,
  type CheckedTransport,
  type SessionTransportOption,
} from './http/session-transport-options.js';
import { refuseUnknownOptions, requireWholeNumber, withDefaults } from './session/option-checks.js';
import type { OutagePolicy } from './session/session-access.js';
import type { WhenTooMany } from './session/session-policy.js';
import { checkSecrets } from './session/session-secrets.js';
import { SessionOptionsError } from './session/session.errors.js';
import type { MemcachedLocation } from './store/memcached/memcached-options.js';
import type { KeyvLike, SessionCache } from './store/session-cache.js';
import { PLACES, placeOf, type SessionPlace } from './store/session-place.js';
import type { Durability } from './store/tier/tiered-session-store.js';

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
  /**
   * A Keyv store or adapter, as in Nest's `CacheModule`: Redis, Postgres, SQLite, … Or two: first
   * `memcachedStore()`, and then a durable one that keeps a copy of each session.
   */
  stores?: KeyvLike | readonly KeyvLike[] | undefined;
  /**
   * What a write is worth that the second of two stores, the durable one, does not take. `'required'`,
   * the default: nothing, the response is a 503. `'besteffort'`: it is served from the first store
   * alone, reported, and copied as soon as the session is used again. A new id and a logout need both
   * stores in any case.
   */
  durable?: Durability | undefined;
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
   * What carries the session id: `'cookie'`, the default; `{ header: 'x-session-id' }`, for mobile
   * applications and API clients; or a list of both. Then a request that came with the header, though
   * an empty one, is answered by it, and any other by the cookie.
   */
  transport?: SessionTransportOption;
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
   * How many sessions a user may be signed in with at a time. Default `false`: as many as there are.
   * (ASVS 5.0 V7.1.2)
   */
  maxSessionsPerUser?: number | false;
  /**
   * What becomes of a sign-in beyond that. `'end-oldest'`, the default: the session that was signed in
   * first is ended. `'refuse'`: a `SessionLimitError`, hence a 409.
   */
  whenTooMany?: WhenTooMany;
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
   * (ASVS 5.0 V14.3.2); `false` for none. `Vary` is set in any case, and a response
   * that gives out an id in a header is never to be stored.
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
  maxSessionsPerUser: false as number | false,
  whenTooMany: 'end-oldest' as WhenTooMany,
  socketSweep: 60 as number | false,
  onOutage: 'refuse' as OutagePolicy,
  cacheControl: 'no-store' as string | false,
};

/** The options with their defaults. */
export interface CheckedSessionOptions extends Readonly<typeof DEFAULTS> {
  readonly cookie: CheckedCookieOptions;
  readonly transport: CheckedTransport;
  readonly keptIn: SessionPlace;
  readonly secrets: readonly string[];
  readonly durable: Durability | undefined;
}

const KNOWN = [
  ...[...Object.keys(DEFAULTS), ...PLACES],
  ...['cookie', 'transport', 'secrets', 'durable'],
];

/** A way to a new id is kept for so long, in seconds. */
const MAX_GRACE = 300;

/** A day; Node.js's timers take no more than 24 of them. */
const MAX_SWEEP = 86_400;

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
  const { onOutage, maxSessionsPerUser, whenTooMany } = checked;
  if (maxSessionsPerUser !== false) {
    requireWholeNumber('maxSessionsPerUser', maxSessionsPerUser, { unit: 'sessions', from: 1 });
  }
  if (!['refuse', 'end-oldest'].includes(whenTooMany)) {
    throw new SessionOptionsError('whenTooMany', "give 'refuse' or 'end-oldest'");
  }
  if (!['refuse', 'anonymous'].includes(onOutage)) {
    throw new SessionOptionsError('onOutage', "give 'refuse' or 'anonymous'");
  }
  const { durable } = options;
  if (durable !== undefined && durable !== 'required' && durable !== 'besteffort') {
    throw new SessionOptionsError('durable', "give 'required' or 'besteffort'");
  }
  const cookie = checkCookieOptions(options.cookie);
  const transport = checkTransport(options.transport);
  const keptIn = placeOf(options);
  const secrets = checkSecrets(options.secrets);
  return {
    ...{ timeout, absoluteTimeout, keyPrefix, maxBytes, rotateEvery, rotateGrace, cacheControl },
    ...{ onOutage, maxSessionsPerUser, whenTooMany, socketSweep, durable },
    ...{ cookie, transport, keptIn, secrets },
  };
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
