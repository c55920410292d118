import {
  checkCookieOptions,
  type CheckedCookieOptions,
  type SessionCookieOptions,
} from './http/cookie-options.js';
import {
  checkTransport,
  type CheckedTransport,
  type SessionTransportOption,
} from './http/transport-options.js';
import { refuseUnknownOptions, requireWholeNumber, withDefaults } from './session/option-checks.js';
import type { SessionMigration } from './session/foreign-session.js';
import type { OutagePolicy } from './session/access.js';
import type { RememberPolicy, WhenTooMany } from './session/policy.js';
import { checkSecrets } from './session/secrets.js';
import { SessionOptionsError } from './session/errors.js';
import { refuseRehash, type MemcachedLocation } from './store/memcached/options.js';
import type { SessionCache } from './store/cache.js';
import { BACKENDS, backendOf, type SessionStorage, type StorageBackend } from './store/backend.js';
import type { Durability } from './store/tier/tiered-store.js';

/**
 * The options of `SessionModule.forRoot()`; `undefined` is like leaving one out. Give one of `memcached`,
 * `stores` and `cache` to say where sessions are kept; without any it is the memory of the process.
 */
export interface SessionModuleOptions {
  /**
   * Idle timeout in seconds; every use renews it. Default 1200. A whole number of 1 or more; at most
   * 2,592,000 (30 days) in memcached, which would take more for a date.
   */
  timeout?: number | undefined;
  /**
   * Absolute timeout in seconds: ends a session however much it is used; a new id does not prolong it.
   * Default 86,400 (a day); `false` for no such limit. One that is shorter than `timeout` is said at start.
   * (ASVS 5.0 V7.3.2)
   */
  absoluteTimeout?: number | false | undefined;
  /**
   * "Remember me": the most that the lifetime of one session may be, which `signIn(userId, { remember })` or
   * `session.lifetime` gives it. Default: 30 days unused, and 30 days in all. `false`: none may have one.
   */
  remember?: RememberLimits | false | undefined;
  /** memcached: `'host:port'`, a list of servers, or `MemcachedOptions`. */
  memcached?: MemcachedLocation | undefined;
  /**
   * A `SessionStore`, such as one of your own; or a Keyv store or adapter, as in Nest's `CacheModule`. Or
   * two: first `memcachedStore()` or a `SessionStore`, then a durable one that keeps a copy of each session.
   */
  stores?: SessionStorage | readonly SessionStorage[] | undefined;
  /**
   * What happens if a write fails in the second of two stores, the durable one. `'required'`, the
   * default: the response is a 503. `'besteffort'`: the first store alone serves the session, the
   * failure is reported, and the copy is made when the session is next used. A new id and a logout
   * always need both stores.
   */
  durable?: Durability | undefined;
  /** An existing cache, such as the application's own `CACHE_MANAGER`, with `forRootAsync()`. */
  cache?: SessionCache | undefined;
  /**
   * The session library used before. Its sessions are carried over when their visitors return:
   * `expressSession({ secret, store })` of `nestjs-session-manager/express-session`. Default: none.
   */
  migrateFrom?: SessionMigration | undefined;
  /** Prefix of every key in the store. Default `'sess:'`. Visible ASCII, 200 characters at most. */
  keyPrefix?: string | undefined;
  /**
   * Largest record in bytes. Default 1,000,000, as memcached takes 1 MiB unless started with another
   * `-I`. A larger record throws `SessionTooLargeError`, and what was stored before stays.
   */
  maxBytes?: number | undefined;
  /**
   * Whether a property that is `undefined`, in an object that is stored, throws a `SessionValueError`.
   * Default `false`: it is left out, as JSON leaves it out; it reads the same afterwards.
   */
  strictValues?: boolean | undefined;
  /** The cookie that carries the session id. Default: `SID`, for https only, until the browser is closed. */
  cookie?: SessionCookieOptions | undefined;
  /**
   * What carries the session id: `'cookie'`, the default; `{ header: 'x-session-id' }`, for mobile and
   * API clients; or a list of both. With both, a request that sends the header, even empty, and no
   * session cookie is answered by the header, any other by the cookie.
   */
  transport?: SessionTransportOption | undefined;
  /**
   * Seconds after which a session automatically gets a new id, with the next response. This limits how
   * long a stolen id works. Default `false`: never. (OWASP's renewal timeout)
   */
  rotateEvery?: number | false | undefined;
  /** Seconds for which the old id then still works, for requests under way. Default 10; at most 300. */
  rotateGrace?: number | undefined;
  /**
   * Signs the cookie, keys the store keys and encrypts the records. One secret, or a list, the newest
   * first: the first is used for everything new, all of them open what exists. Each of 32 characters or
   * more, such as the output of `openssl rand -base64 32`. Default: none; then cookies are not signed,
   * records are not encrypted, and store keys are plain digests.
   */
  secrets?: string | readonly string[] | undefined;
  /**
   * How many sessions a user may be signed in with at a time. Default 100; `false` for no limit. (ASVS
   * 5.0 V7.1.2)
   */
  maxSessionsPerUser?: number | false | undefined;
  /**
   * What happens at a sign-in beyond that. `'end-oldest'`, the default: the session that was signed in
   * first is ended. `'refuse'`: a `SessionLimitError`, hence a 409.
   */
  whenTooMany?: WhenTooMany | undefined;
  /**
   * Seconds within which `UserSessions.revokeEverybody()` holds in every process: each then reads a small
   * record so often, and eight at start. At most 3,600. Default `false`: nothing is read, and
   * `revokeEverybody()` is refused.
   */
  revokeEverybodyWithin?: number | false | undefined;
  /**
   * Seconds between sweeps, which close gateway sockets whose session has ended. Default 60; at most
   * 86,400. `false`: no sweeps; such a socket is closed at its next message that uses the session.
   */
  socketSweep?: number | false | undefined;
  /**
   * What routes get if the store cannot be read, unless they have their own `@Session({ onOutage })`.
   * Default `'refuse'`: a 503. `'anonymous'`: an empty session that refuses writes.
   */
  onOutage?: OutagePolicy | undefined;
  /**
   * `Cache-Control` for responses that used the session and do not set their own. Default `'no-store'`
   * (ASVS 5.0 V14.3.2); `false` for none. `Vary` is set in any case, and a response that gives out an
   * id in a header is always `no-store`.
   */
  cacheControl?: string | false | undefined;
}

/** How long a session may be remembered. */
export interface RememberLimits {
  /** Seconds that it may be unused; the option `timeout` if that is longer. Default 2,592,000 (30 days). */
  timeout?: number | undefined;
  /**
   * Seconds from the last sign-in on, however much it is used; the option `absoluteTimeout` if that is
   * longer. Default 2,592,000 (30 days), as NIST SP 800-63B asks for at AAL1; `false` for no such limit.
   */
  absoluteTimeout?: number | false | undefined;
}

/** Makes the options of `SessionModule.forRootAsync({ useClass })`, or `useExisting`. */
export interface SessionOptionsFactory {
  /** Called once, at start. */
  createSessionOptions(): SessionModuleOptions | Promise<SessionModuleOptions>;
}

const REMEMBER = { timeout: 2_592_000, absoluteTimeout: 2_592_000 as number | false };

const DEFAULTS = {
  timeout: 1200,
  absoluteTimeout: 86_400 as number | false,
  keyPrefix: 'sess:',
  maxBytes: 1_000_000,
  strictValues: false,
  rotateEvery: false as number | false,
  rotateGrace: 10,
  maxSessionsPerUser: 100 as number | false,
  whenTooMany: 'end-oldest' as WhenTooMany,
  revokeEverybodyWithin: false as number | false,
  socketSweep: 60 as number | false,
  onOutage: 'refuse' as OutagePolicy,
  cacheControl: 'no-store' as string | false,
};

/** The options with their defaults. */
export interface CheckedSessionOptions extends Readonly<typeof DEFAULTS> {
  readonly cookie: CheckedCookieOptions;
  readonly transport: CheckedTransport;
  readonly backend: StorageBackend;
  readonly secrets: readonly string[];
  readonly durable: Durability | undefined;
  readonly migrateFrom: SessionMigration | undefined;
  readonly remember: RememberPolicy | false;
}

type Simple = keyof typeof DEFAULTS | (typeof BACKENDS)[number];

/** Each other option of `SessionModuleOptions`: one that is missing here does not compile. */
const OTHERS: Record<Exclude<keyof SessionModuleOptions, Simple>, true> = {
  cookie: true,
  transport: true,
  secrets: true,
  durable: true,
  migrateFrom: true,
  remember: true,
};

const KNOWN = [...Object.keys(DEFAULTS), ...BACKENDS, ...Object.keys(OTHERS)];

/** Options of express-session and others, by name. */
const FOREIGN_OPTIONS = {
  secret: 'did you mean secrets? It also encrypts the records; 32 characters or more',
  keys: 'did you mean secrets? 32 characters or more each, the newest first',
  store: 'did you mean stores? Or memcached, or cache; stores of express-session do not fit',
  resave: 'not needed here, because only what has changed is stored; leave it out',
  saveUninitialized:
    'not needed here, because a session is stored when it is first written to; leave it out',
  rolling:
    'not needed here, because each use of a session renews it; for the cookie give cookie.persistent',
  touchAfter:
    'not needed here, because reading a session renews it by the same command; leave it out',
  name: 'did you mean cookie.name?',
  key: 'did you mean cookie.name? For the keys in the store: keyPrefix',
  cookieName: 'did you mean cookie.name?',
  prefix: 'did you mean keyPrefix?',
  ttl: 'did you mean timeout? It is in seconds',
  maxAge: 'did you mean timeout? It is in seconds; for the cookie give cookie.persistent as well',
  expires: 'did you mean timeout, or absoluteTimeout? They are in seconds',
  unset: 'not needed here, because await session.destroy() ends a session; leave it out',
  genid: 'not needed here, because each id is 256 random bits; leave it out',
  idGenerator: 'not needed here, because each id is 256 random bits; leave it out',
  proxy: "not needed here, because the framework's own trust proxy counts; leave it out",
  logErrors: 'not needed here, because failures go to the log of Nest; leave it out',
  servers: 'did you mean memcached?',
  hosts: 'did you mean memcached?',
  redis: 'did you mean stores? Such as redisStore(url) of nestjs-session-manager/redis',
  client: 'did you mean stores? Such as redisStore(client) of nestjs-session-manager/redis',
  isGlobal: 'with forRootAsync() it stands next to useFactory, not in what that returns',
  header: 'did you mean transport? Such as { header: "x-session-id" }',
  domain: 'did you mean cookie.domain?',
  path: 'did you mean cookie.path?',
  secure: 'did you mean cookie.secure?',
  sameSite: 'did you mean cookie.sameSite?',
  httpOnly: 'not needed here, because the cookie always is; leave it out',
};

/** How long a forwarder to a new id is kept, in seconds. */
const MAX_GRACE = 300;

/** A day; Node.js's timers take no more than 24 of them. */
const MAX_SWEEP = 86_400;

/** An hour: longer is too slow for an incident. */
const MAX_LOOK = 3600;

/** Keys have to fit into memcached's 250 bytes, together with the 43 characters of a digest. */
const MAX_PREFIX_LENGTH = 200;

/**
 * Checks the options, once, at start.
 *
 * @throws SessionOptionsError that names the first invalid one
 */
export function checkSessionOptions(options: SessionModuleOptions = {}): CheckedSessionOptions {
  refuseRehash(options, 'rehash');
  refuseUnknownOptions(options, KNOWN, undefined, FOREIGN_OPTIONS);
  const checked = withDefaults(DEFAULTS, options);
  const { timeout, absoluteTimeout, keyPrefix, maxBytes, rotateEvery, rotateGrace } = checked;
  const { cacheControl, socketSweep, strictValues } = checked;
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
  const { revokeEverybodyWithin } = checked;
  if (revokeEverybodyWithin !== false) {
    requireWholeNumber('revokeEverybodyWithin', revokeEverybodyWithin, {
      ...{ unit: 'seconds', from: 1, to: MAX_LOOK },
    });
  }
  requireWholeNumber('maxBytes', maxBytes, { unit: 'bytes', from: 100 });
  if (!isText(keyPrefix, /^[\x21-\x7e]+$/) || keyPrefix.length > MAX_PREFIX_LENGTH) {
    throw new SessionOptionsError(
      'keyPrefix',
      `give visible ASCII characters without spaces, ${MAX_PREFIX_LENGTH} at most`,
    );
  }
  if (cacheControl !== false && !isText(cacheControl, /^[\x20-\x7e]+$/)) {
    throw new SessionOptionsError('cacheControl', 'give a header value, or false');
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
  if (typeof strictValues !== 'boolean') {
    throw new SessionOptionsError('strictValues', 'give true or false');
  }
  const { durable } = options;
  if (durable !== undefined && durable !== 'required' && durable !== 'besteffort') {
    throw new SessionOptionsError('durable', "give 'required' or 'besteffort'");
  }
  const remember = checkRemember(options.remember);
  const { migrateFrom } = options;
  if (migrateFrom !== undefined && typeof migrateFrom?.sessionOf !== 'function') {
    throw new SessionOptionsError('migrateFrom', 'give expressSession({ secret, store })');
  }
  const cookie = checkCookieOptions(options.cookie);
  if (migrateFrom?.cookieName === cookie.name) {
    throw new SessionOptionsError(
      'migrateFrom',
      `its cookie is named ${cookie.name}, too, so that the two cannot be told apart; give cookie.name another name`,
    );
  }
  const transport = checkTransport(options.transport);
  const backend = backendOf(options);
  const secrets = checkSecrets(options.secrets);
  return {
    ...{ timeout, absoluteTimeout, keyPrefix, maxBytes, rotateEvery, rotateGrace, cacheControl },
    ...{ onOutage, maxSessionsPerUser, whenTooMany, socketSweep, durable },
    ...{ revokeEverybodyWithin, strictValues, remember },
    ...{ cookie, transport, backend, secrets, migrateFrom },
  };
}

function checkRemember(option: RememberLimits | false = {}): RememberPolicy | false {
  if (option === false) return false;
  refuseUnknownOptions(option, Object.keys(REMEMBER), 'remember');
  const remember = withDefaults(REMEMBER, option);
  const { timeout, absoluteTimeout } = remember;
  requireWholeNumber('remember.timeout', timeout, { unit: 'seconds', from: 1 });
  if (absoluteTimeout !== false) {
    requireWholeNumber('remember.absoluteTimeout', absoluteTimeout, { unit: 'seconds', from: 1 });
  }
  return { timeout, absoluteTimeout };
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
