import { startPostgres, type Postgres } from '../support/postgres.js';
import { startRedis, type Redis, type RedisProgram } from '../support/redis.js';
import { tcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import type { Fault, FaultyWorld } from './fault.js';
import type { StartWorld } from './fault-run.js';
import type { Contender } from './faults-app.js';
import { startSides } from './sides.js';

/** What goes wrong with a server, or with connections to it, whatever they carry. */
export interface ProxiedWorld extends FaultyWorld {
  readonly proxy: TcpProxy;
}

export interface RedisWorld extends ProxiedWorld {
  /** Another one after it was restarted. */
  server: Redis;
}

export interface PostgresWorld extends ProxiedWorld {
  readonly server: Postgres;
}

export const startRedisWorld: StartWorld<RedisWorld> = (fault, contenders) =>
  redisWorld(fault, contenders, 'redis-server');

/** With its own client for this package. */
export const startValkeyWorld: StartWorld<RedisWorld> = (fault, contenders) =>
  redisWorld(fault, contenders, 'valkey-server');

async function redisWorld(
  fault: Fault<RedisWorld>,
  contenders: readonly Contender[],
  program: RedisProgram,
): Promise<RedisWorld> {
  const server = await startRedis({ program, args: fault.args ?? [] });
  const proxy = await tcpProxy(server.port);
  const used = fault.isProxied ? proxy : server;
  const url = `redis://${used.server}`;
  const stores = program === 'valkey-server' ? { valkey: url } : { redis: url };
  const world: RedisWorld = {
    ...{ server, proxy, sides: await startSides(fault, contenders, stores) },
    async stopStore() {
      await proxy.close();
      await world.server.stop();
    },
  };
  return world;
}

export const startPostgresWorld: StartWorld<PostgresWorld> = async (fault, contenders) => {
  const server = await startPostgres({ args: fault.args ?? [] });
  const proxy = await tcpProxy(server.port);
  const used = fault.isProxied ? proxy : server;
  const stores = { postgres: `postgresql://postgres@${used.server}/postgres` };
  return {
    ...{ server, proxy, sides: await startSides(fault, contenders, stores) },
    async stopStore() {
      await proxy.close();
      await server.stop();
    },
  };
};
