import type { ConnectionOptions } from 'node:tls';

import { refuseUnknownOptions, requireWholeNumber } from '../../session/option-checks.js';
import { SessionOptionsError } from '../../session/session.errors.js';
import type { MemcachedCredentials } from './memcached-auth.js';

/** `'host:port'`, optionally with a weight: weight 2 gets twice as many sessions. Default 1. */
export type MemcachedServer = string | { readonly server: string; readonly weight?: number };

/** Where memcached is, and how to connect to it. */
export interface MemcachedOptions {
  /** `'host:port'`, or several: each session then lives on one of them, chosen by its key. */
  servers: MemcachedServer | readonly MemcachedServer[];
  /** Milliseconds an operation may take, including connecting. Default 500. */
  timeout?: number;
  /** Connections to each server. One carries many requests at once. Default 1. */
  connections?: number;
  /** Use TLS, with these options of `tls.connect`. Default: plain TCP. */
  tls?: ConnectionOptions;
  /** Credentials for ASCII authentication (`memcached -Y`). Use TLS as well. Default: none. */
  auth?: MemcachedCredentials;
  /**
   * What happens to the sessions of a server that is down. Default `false`: their requests get a 503
   * until it is back. `true`: their users start over on the other servers, and the server is emptied
   * (`flush_all`) before it is used again, so that no old record is served.
   */
  rehash?: boolean;
}

/** One memcached server, several, or all options. */
export type MemcachedLocation = string | readonly MemcachedServer[] | MemcachedOptions;

/** memcached takes a longer time to live for a date, in 1970. */
export const MAX_TTL_SECONDS = 30 * 24 * 60 * 60;

const KNOWN = ['servers', 'timeout', 'connections', 'tls', 'auth', 'rehash'];

/** @throws SessionOptionsError that names the first wrong option */
export function checkMemcachedOptions(memcached: MemcachedLocation): MemcachedOptions {
  const isServers = typeof memcached === 'string' || Array.isArray(memcached);
  const options = (isServers ? { servers: memcached } : memcached) as MemcachedOptions;
  refuseUnknownOptions(options, KNOWN, 'memcached');
  const { timeout = 500, connections = 1 } = options;
  requireWholeNumber('memcached.timeout', timeout, { unit: 'milliseconds', from: 1, to: 60_000 });
  requireWholeNumber('memcached.connections', connections, { unit: 'connections', from: 1 });
  const { tls } = options as { tls?: unknown };
  if (tls !== undefined && (typeof tls !== 'object' || tls === null)) {
    throw new SessionOptionsError('memcached.tls', 'give options of tls.connect, or {}');
  }
  checkAuth(options.auth);
  if (options.rehash !== undefined && typeof options.rehash !== 'boolean') {
    throw new SessionOptionsError('memcached.rehash', 'give true or false');
  }
  checkServers([options.servers].flat());
  return options;
}

function checkServers(servers: readonly unknown[]): void {
  const problem = (text: string) => new SessionOptionsError('memcached', text);
  if (servers.length === 0) throw problem("give at least one server, as 'host:port'");
  const names = servers.map((server) => {
    if (typeof server !== 'object' || server === null) return server;
    refuseUnknownOptions(server, ['server', 'weight'], 'memcached.servers');
    const { server: name, weight = 1 } = server as { server?: unknown; weight?: unknown };
    if (!(Number.isFinite(weight) && (weight as number) > 0)) {
      throw problem(`give a weight above 0, not ${String(weight)}`);
    }
    return name;
  });
  for (const name of names) {
    const [, port] = /^[^\s:/]+:(\d{1,5})$/.exec(String(name)) ?? [];
    if (typeof name !== 'string' || !(Number(port) > 0 && Number(port) < 65_536)) {
      throw problem(`give each server as 'host:port', not ${String(name)}`);
    }
  }
  if (new Set(names).size < names.length) throw problem('name each server once');
}

/** No error shows them. */
function checkAuth(auth: unknown): void {
  if (auth === undefined) return;
  refuseUnknownOptions(auth, ['username', 'password'], 'memcached.auth');
  const { username, password } = auth as Partial<Record<string, unknown>>;
  const isWord = (value: unknown) => typeof value === 'string' && /^[^\s]+$/.test(value);
  if (!isWord(username) || !isWord(password)) {
    throw new SessionOptionsError('memcached.auth', 'give username and password, without spaces');
  }
}
