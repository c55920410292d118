import type { ConnectionOptions } from 'node:tls';

import { refuseUnknownOptions, requireWholeNumber } from '../session/option-checks.js';
import { SessionOptionsError } from '../session/session.errors.js';

/** Where memcached is and how it is spoken to. */
export interface MemcachedOptions {
  /** `'host:port'`, or several: each session then lives on one of them, chosen by its key. */
  servers: string | readonly string[];
  /** Milliseconds an operation may take, connecting included. Default 500. */
  timeout?: number;
  /** Connections to each server. One carries many requests at a time. Default 1. */
  connections?: number;
  /** Speaks TLS, with these options of `tls.connect`. Default: plain TCP. */
  tls?: ConnectionOptions;
}

/** What is accepted wherever memcached is named: a server, several, or all options. */
export type MemcachedLocation = string | readonly string[] | MemcachedOptions;

/** memcached takes a longer time to live for a date, in 1970. */
export const MAX_TTL_SECONDS = 30 * 24 * 60 * 60;

const KNOWN = ['servers', 'timeout', 'connections', 'tls'];

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
    throw new SessionOptionsError('memcached.tls', 'give the options of tls.connect, or {}');
  }
  checkServers([options.servers].flat());
  return options;
}

function checkServers(servers: readonly unknown[]): void {
  const problem = (text: string) => new SessionOptionsError('memcached', text);
  if (servers.length === 0) throw problem("give at least one server, as 'host:port'");
  for (const server of servers) {
    const [, port] = /^[^\s:/]+:(\d{1,5})$/.exec(String(server)) ?? [];
    if (typeof server !== 'string' || !(Number(port) > 0 && Number(port) < 65_536)) {
      throw problem(`give each server as 'host:port', not ${String(server)}`);
    }
  }
  if (new Set(servers).size < servers.length) throw problem('name each server once');
}
