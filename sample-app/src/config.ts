import { fileURLToPath } from 'node:url';

/** The token of the configuration. */
export const CONFIG = Symbol('config');

export interface Config {
  readonly port: number;
  /** `host:port` each. */
  readonly memcachedServers: readonly string[];
  /** Without servers, the SQLite file that keeps sessions. Absent: the memory of this process does. */
  readonly sessionsFile?: string | undefined;
}

const SESSIONS_FILE = fileURLToPath(new URL('../sessions.db', import.meta.url));

/** From Node.js 22.13 on. */
function hasSqlite(): boolean {
  return process.getBuiltinModule?.('node:sqlite') !== undefined;
}

export function readConfig(env: NodeJS.ProcessEnv): Config {
  const port = Number(env.PORT ?? 3000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`PORT: give a number from 0 to 65535, not ${env.PORT}`);
  }
  const servers = (env.MEMCACHED_SERVERS ?? '').split(',').map((server) => server.trim());
  return {
    port,
    memcachedServers: servers.filter((server) => server !== ''),
    sessionsFile: hasSqlite() ? (env.SESSIONS_FILE ?? SESSIONS_FILE) : undefined,
  };
}
