import { createRequire } from 'node:module';

import { refuseUnknownOptions, requireWholeNumber } from '../../session/option-checks.js';
import { printable } from '../../session/printable.js';
import { SessionOptionsError } from '../../session/errors.js';
import { linksLike, noClient, type MakeLink, type RedisClient } from './client.js';

/** Where Redis or Valkey is, and how it is used. Give `client` or `url`. */
export interface RedisStoreOptions {
  /**
   * The application's client. Sessions use a connection of their own, with the same options: so a hung
   * connection can be replaced. With `createSentinel()` of `redis`, which cannot be duplicated, the client
   * itself is used.
   */
  client?: RedisClient | undefined;
  /**
   * `redis://user:password@host:port/db`, or `rediss://…` for TLS. Connected to by `redis`, `ioredis` or
   * `iovalkey`, whichever is installed, in this order.
   */
  url?: string | undefined;
  /** More options of that client, such as `{ socket: { ca } }` of `redis` or `{ tls: { ca } }` of the others. */
  clientOptions?: object | undefined;
  /**
   * Milliseconds an operation may take, including connecting. Time in which this process was too busy to
   * read the answer does not count. Default 500.
   */
  timeout?: number | undefined;
  /**
   * Whether a session that ends in one process closes its sockets in all others at once: a logout is then
   * published on the channel `nestjs-session-manager:removed`, and each process with gateways has one
   * connection more, to listen. Default false: the sweep finds them (`socketSweep`).
   */
  tellOthers?: boolean | undefined;
}

/** A client of the application, a URL, or all options. */
export type RedisLocation = RedisClient | string | RedisStoreOptions;

export interface CheckedRedisOptions {
  readonly makeLink: MakeLink;
  readonly timeout: number;
  readonly channel: string | undefined;
}

const KNOWN = ['client', 'url', 'clientOptions', 'timeout', 'tellOthers'];

const CHANNEL = 'nestjs-session-manager:removed';
const TIMEOUT = 500;

/** Options of connect-redis and of the clients, by name. */
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
  if (linksLike(location, { timeout: TIMEOUT })) return { client: location as RedisClient };
  return location as RedisStoreOptions;
}

type Make = (module: never, url: string, options: object) => unknown;

const PEERS: Readonly<Record<string, Make>> = {
  redis: ({ createClient }: { createClient: (options: object) => unknown }, url, options) =>
    createClient({ ...options, url }),
  ioredis: ioRedis,
  iovalkey: ioRedis,
};

/** It is never connected itself, only duplicated. */
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
