import type { ConnectionOptions } from 'node:tls';

import { refuseUnknownOptions, requireWholeNumber } from '../../session/option-checks.js';
import { printable } from '../../session/printable.js';
import { SessionOptionsError } from '../../session/errors.js';
import type { MemcachedCredentials } from './commands.js';
import type { NodeLocation, NodeSettings } from './node.js';
import { parseAddress } from './server-address.js';

/**
 * One server, or the source of a list of servers:
 *
 * - `'host:port'`, `'[::1]:port'` or `'unix:/path'`: one server. If the name has several addresses, one
 *   of them is used.
 * - `{ server, weight }`: the same; weight 2 gets twice as many sessions. Default 1.
 * - `{ dns: 'name:port' }`: each address of the name is a server, for example a headless service of
 *   Kubernetes.
 * - `{ elasticache: 'host:port' }`: the nodes that the configuration endpoint of an Amazon ElastiCache
 *   cluster lists.
 *
 * `pollEvery`: how often the list is read, in seconds. Default 30; at most 86,400. It is also read when one
 * of its servers stops answering.
 */
export type MemcachedServer =
  | string
  | { readonly server: string; readonly weight?: number | undefined }
  | {
      readonly dns: string;
      readonly weight?: number | undefined;
      readonly pollEvery?: number | undefined;
    }
  | { readonly elasticache: string; readonly pollEvery?: number | undefined };

/** Where memcached is, and how to connect to it. */
export interface MemcachedOptions {
  /** One server or several: each session then lives on one of them, chosen by its key. */
  servers: MemcachedServer | readonly MemcachedServer[];
  /**
   * How long an operation may take, including connecting, in milliseconds. Time in which this process was
   * too busy to read the answer does not count. Default 500.
   */
  timeout?: number | undefined;
  /** Connections to each server. One carries many requests at once. Default 1. */
  connections?: number | undefined;
  /** Use TLS, with these options of `tls.connect`. Default: plain TCP. */
  tls?: ConnectionOptions | undefined;
  /** Credentials for ASCII authentication (`memcached -Y`). Use TLS as well. Default: none. */
  auth?: MemcachedCredentials | undefined;
}

/** One memcached server, several, or all options. */
export type MemcachedLocation = MemcachedServer | readonly MemcachedServer[] | MemcachedOptions;

/** A server, or the source of a list of servers. */
export type CheckedServer =
  | NodeLocation
  | { readonly dns: string; readonly weight: number; readonly pollEvery: number }
  | { readonly elasticache: string; readonly pollEvery: number };

export interface CheckedMemcachedOptions extends NodeSettings {
  readonly servers: readonly CheckedServer[];
}

/** memcached reads a longer time to live as a Unix time (in 1970). */
export const MAX_TTL_SECONDS = 30 * 24 * 60 * 60;

const DEFAULT_TIMEOUT = 500;
/** Of each process to each server; one carries many requests at once. */
const MAX_CONNECTIONS = 1000;
const DEFAULT_POLL = 30;
const MAX_POLL = 86_400;

const KNOWN = ['servers', 'timeout', 'connections', 'tls', 'auth'];
/** Options of other memcached clients and stores, with a hint for each. */
const FOREIGN_OPTIONS = {
  hosts: 'did you mean servers?',
  host: "did you mean servers? Such as 'localhost:11211'",
  port: "did you mean servers? Such as 'localhost:11211'",
  url: "did you mean servers? Such as 'localhost:11211'",
  location: 'did you mean servers?',
  poolSize: 'did you mean connections? One carries many requests at once',
  maxConnections: 'did you mean connections? One carries many requests at once',
  prefix: 'did you mean the option keyPrefix, beside memcached?',
  keyPrefix: 'it stands beside memcached, not in it',
  ttl: 'did you mean the option timeout, beside memcached?',
  maxExpiration: 'did you mean the option timeout, beside memcached?',
  secret: 'did you mean the option secrets, beside memcached?',
  username: 'it stands in auth: { username, password }',
  user: 'give auth: { username, password }',
  password: 'it stands in auth: { username, password }',
  retries:
    'not needed here, because a read is repeated once, and a write must not be; leave it out',
  retry: 'not needed here, because a server that is down is looked for by itself; leave it out',
  reconnect: 'not needed here, because a server that is down is looked for by itself; leave it out',
  failures: 'not needed here, because a server that is down is looked for by itself; leave it out',
  failover:
    'not needed here: for sessions that outlive a server, give stores a durable one as well',
  idle: 'not needed here, because a connection that was closed is opened for the next command; leave it out',
  compressor: 'not needed here, because records are small; leave it out',
  ssl: 'did you mean tls?',
  weight: 'it stands beside a server: { server, weight }',
  pollEvery: 'it stands beside a list of servers: { dns, pollEvery }',
};

const KINDS = ['server', 'dns', 'elasticache'] as const;

/** @throws SessionOptionsError that names the first wrong option */
export function checkMemcachedOptions(memcached: MemcachedLocation): CheckedMemcachedOptions {
  const options = isServers(memcached) ? { servers: memcached } : memcached;
  for (const given of [memcached, options].flat()) refuseRehash(given, 'memcached.rehash');
  refuseUnknownOptions(options, KNOWN, 'memcached', FOREIGN_OPTIONS);
  const { timeout = DEFAULT_TIMEOUT, connections = 1, tls, auth } = options;
  requireWholeNumber('memcached.timeout', timeout, { unit: 'milliseconds', from: 1, to: 60_000 });
  requireWholeNumber('memcached.connections', connections, {
    ...{ unit: 'connections', from: 1, to: MAX_CONNECTIONS },
  });
  if (tls !== undefined && !isObject(tls)) {
    throw new SessionOptionsError('memcached.tls', 'give options of tls.connect, or {}');
  }
  checkAuth(auth);
  return { servers: checkServers([options.servers].flat()), timeout, connections, tls, auth };
}

/** Refuses an option of earlier versions. */
export function refuseRehash(options: unknown, name: string): void {
  if (!isObject(options) || !('rehash' in options)) return;
  throw new SessionOptionsError(
    name,
    'this option is gone, as it could not be made safe: it emptied servers that were only slow. ' +
      'Leave it out; for sessions that outlive a server, give stores a durable one as well',
  );
}

function isServers(
  memcached: MemcachedLocation,
): memcached is MemcachedServer | readonly MemcachedServer[] {
  if (typeof memcached === 'string' || Array.isArray(memcached)) return true;
  return isObject(memcached) && KINDS.some((kind) => kind in memcached);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function checkServers(servers: readonly MemcachedServer[]): CheckedServer[] {
  if (servers.length === 0) throw problem("give at least one server, as 'host:port'");
  const checked = servers.map(checkServer);
  const names = checked.map((server) =>
    JSON.stringify('server' in server ? server.server : server),
  );
  if (new Set(names).size < names.length) throw problem('name each server once');
  return checked;
}

function checkServer(given: MemcachedServer): CheckedServer {
  const entry = isObject(given) ? given : { server: given };
  const { weight = 1, pollEvery = DEFAULT_POLL } = entry as { weight?: number; pollEvery?: number };
  if (!(Number.isFinite(weight) && weight > 0)) {
    throw problem(`give a weight above 0, not ${printable(weight)}`);
  }
  requireWholeNumber('memcached.servers.pollEvery', pollEvery, {
    ...{ unit: 'seconds', from: 1, to: MAX_POLL },
  });
  if ('dns' in entry) {
    refuseUnknownOptions(entry, ['dns', 'weight', 'pollEvery'], 'memcached.servers');
    return { dns: checkName('dns', entry.dns), weight, pollEvery };
  }
  if ('elasticache' in entry) {
    refuseUnknownOptions(entry, ['elasticache', 'pollEvery'], 'memcached.servers');
    return { elasticache: checkName('elasticache', entry.elasticache), pollEvery };
  }
  refuseUnknownOptions(entry, ['server', 'weight'], 'memcached.servers');
  const { server } = entry as { server: unknown };
  const address = typeof server === 'string' ? parseAddress(server) : undefined;
  if (!address) {
    throw problem(
      `give each server as 'host:port', '[::1]:port' or 'unix:/path', not ${printable(server)}`,
    );
  }
  return { server: server as string, weight, address };
}

function checkName(kind: string, name: unknown): string {
  const address = typeof name === 'string' ? parseAddress(name) : undefined;
  if (address && 'host' in address) return name as string;
  throw problem(`give { ${kind}: 'name:port' }, not ${printable(name)}`);
}

function problem(text: string): SessionOptionsError {
  return new SessionOptionsError('memcached', text);
}

/** Errors must not show the credentials. */
function checkAuth(auth: unknown): void {
  if (auth === undefined) return;
  refuseUnknownOptions(auth, ['username', 'password'], 'memcached.auth');
  const { username, password } = auth as Partial<Record<string, unknown>>;
  const isWord = (value: unknown) => typeof value === 'string' && /^[^\s]+$/.test(value);
  if (!isWord(username) || !isWord(password)) {
    throw new SessionOptionsError('memcached.auth', 'give username and password, without spaces');
  }
}
