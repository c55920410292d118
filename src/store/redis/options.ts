import { createRequire } from 'node:module';

import { refuseUnknownOptions, requireWholeNumber } from '../../session/option-checks.js';
import { printable } from '../../session/printable.js';
import { SessionOptionsError } from '../../session/errors.js';
import { isRedisClient, linksLike, noClient, type MakeLink, type RedisClient } from './client.js';

/** The address of Redis or Valkey, and how it is used. Give `client` or `url`. */
export interface RedisStoreOptions {
  /**
   * The application's client. Sessions use a separate connection with the same options, so that a hung
   * connection can be replaced. A client made by `createSentinel()` of `redis` cannot be duplicated, so it
   * is used itself.
   */
  client?: RedisClient | undefined;
  /**
   * `redis://user:password@host:port/db`, or `rediss://…` for TLS. The client is the first installed package
   * of `redis`, `ioredis` and `iovalkey`.
   */
  url?: string | undefined;
  /** Options of the client for `url`: `{ socket: { ca } }` for `redis`, `{ tls: { ca } }` for the others. */
  clientOptions?: object | undefined;
  /**
   * The timeout of an operation in milliseconds, including connecting. Time in which this process was too
   * busy to read the answer does not count. Default 500.
   */
  timeout?: number | undefined;
  /**
   * Whether a session that ends in one process immediately closes its sockets in all other processes. Ended
   * sessions are then published on the channel `nestjs-session-manager:removed`, and each process with
   * gateways opens one more connection to subscribe to it. Default false: the sweep (`socketSweep`) closes
   * these sockets later.
   */
  tellOthers?: boolean | undefined;
}

/** The application's client, a URL, or options. */
export type RedisLocation = RedisClient | string | RedisStoreOptions;

export interface CheckedRedisOptions {
  readonly makeLink: MakeLink;
  readonly timeout: number;
  readonly channel: string | undefined;
}

const KNOWN = ['client', 'url', 'clientOptions', 'timeout', 'tellOthers'];

const CHANNEL = 'nestjs-session-manager:removed';
const TIMEOUT = 500;

/** What to use instead of options of connect-redis and of the clients. */
const FOREIGN_OPTIONS = {
  prefix: 'give SessionModule.forRoot() the option keyPrefix',
  keyPrefix: 'give it to SessionModule.forRoot()',
  ttl: 'give SessionModule.forRoot() the option timeout, in seconds',
  disableTTL: 'not needed here, because each session has a life; leave it out',
  disableTouch:
    'not needed here, because reading a session renews it by the same command; leave it out',
  scanCount: 'not needed here, because nothing scans the keys; leave it out',
  serializer: 'not needed here, because sessions are stored as JSON; leave it out',
  host: 'did you mean url? Such as redis://localhost:6379',
  port: 'did you mean url? Such as redis://localhost:6379',
  username: 'put it into url, such as redis://user:password@host:6379',
  password: 'put it into url, such as redis://user:password@host:6379',
  db: 'put it into url, such as redis://host:6379/1',
  database: 'put it into url, such as redis://host:6379/1',
  tls: 'give a url that begins with rediss://, and a CA by clientOptions',
  socket: 'did you mean clientOptions?',
  redis: 'did you mean client?',
  cluster: 'did you mean client? It takes that of a Cluster, too',
  connectTimeout: 'did you mean timeout? It includes connecting',
  commandTimeout: 'did you mean timeout?',
  pubSub: 'did you mean tellOthers?',
};

/** @throws SessionOptionsError that names the first invalid option */
export function checkRedisOptions(location: RedisLocation): CheckedRedisOptions {
  const options = asOptions(location);
  refuseUnknownOptions(options, KNOWN, undefined, FOREIGN_OPTIONS);
  const { client, url, clientOptions, timeout = TIMEOUT, tellOthers = false } = options;
  requireWholeNumber('timeout', timeout, { unit: 'milliseconds', from: 1 });
  if (typeof tellOthers !== 'boolean') {
    throw new SessionOptionsError('tellOthers', 'give true or false');
  }
  if ((client === undefined) === (url === undefined)) {
    throw new SessionOptionsError('client', 'give either a client or a url');
  }
  if (client !== undefined && clientOptions !== undefined) {
    throw new SessionOptionsError('clientOptions', 'the client has its options already');
  }
  const given = client ?? clientFor(url!, clientOptions);
  const makeLink = linksLike(given, { timeout });
  if (!makeLink) throw noClient(given);
  return { makeLink, timeout, channel: tellOthers ? CHANNEL : undefined };
}

function asOptions(location: RedisLocation): RedisStoreOptions {
  if (typeof location === 'string') return { url: location };
  return isRedisClient(location) ? { client: location } : location;
}

type Make = (module: never, url: string, options: object) => unknown;

const PEERS: Readonly<Record<string, Make>> = {
  redis: ({ createClient }: { createClient: (options: object) => unknown }, url, options) =>
    createClient({ ...options, url }),
  ioredis: ioRedis,
  iovalkey: ioRedis,
};

/** Does not connect: this client is only duplicated. */
function ioRedis(
  { Redis }: { Redis: new (url: string, options: object) => unknown },
  url: string,
  options: object,
): unknown {
  return new Redis(url, { ...options, lazyConnect: true });
}

function clientFor(url: string, options: object = {}): unknown {
  if (typeof url !== 'string' || !/^(rediss?|valkeys?|unix):/.test(url)) {
    const given = typeof url === 'string' ? url.split(':', 1)[0] : url;
    throw new SessionOptionsError(
      'url',
      `give one that begins with redis:// or rediss://, not with ${printable(given)}`,
    );
  }
  const require = createRequire(import.meta.url);
  for (const [name, make] of Object.entries(PEERS)) {
    let module: unknown;
    try {
      module = require(name);
    } catch (error) {
      if ((error as { code?: string }).code === 'MODULE_NOT_FOUND') continue;
      throw error;
    }
    return make(module as never, url.replace(/^valkey/, 'redis'), options);
  }
  throw new SessionOptionsError('url', `install one of ${Object.keys(PEERS).join(', ')}`);
}
