/** The token of the configuration. */
export const CONFIG = Symbol('config');

export interface Config {
  readonly port: number;
  /** `host:port` each; none: sessions are kept in the memory of this process. */
  readonly memcachedServers: readonly string[];
}

export function readConfig(env: NodeJS.ProcessEnv): Config {
  const port = Number(env.PORT ?? 3000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`PORT: give a number from 0 to 65535, not ${env.PORT}`);
  }
  const servers = (env.MEMCACHED_SERVERS ?? '').split(',').map((server) => server.trim());
  return { port, memcachedServers: servers.filter((server) => server !== '') };
}
