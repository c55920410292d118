import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { startMemcached } from '../support/memcached.js';
import { startPostgres } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { tcpProxy } from '../support/tcp-proxy.js';

/** Two server processes on one store, whose answers come as late as a program wants. */
export interface RacesWorld {
  readonly urls: readonly [string, string];
  lag(milliseconds: readonly [number, number]): void;
  /** Calls this whenever a request with that token reaches a `wait`. */
  onWait(token: string, server: number, listener: () => void): void;
  /** Lets the waiting request continue. */
  release(token: string, server: number): void;
  stop(): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('../support/races-server.mjs', import.meta.url));

const STARTS = {
  memcached: startMemcached,
  redis: startRedis,
  valkey: () => startRedis({ program: 'valkey-server' }),
  postgres: startPostgres,
};

export type RacesStore = keyof typeof STARTS;

/** `packageFolder`: of another build than the project's own, such as one with a bug. */
export async function startRacesWorld(
  store: RacesStore,
  packageFolder?: string,
): Promise<RacesWorld> {
  const server = await STARTS[store]();
  const start = (platform: 'express' | 'fastify') =>
    startNode(store, server.port, platform, packageFolder);
  const nodes = await Promise.all([start('express'), start('fastify')]);
  return {
    urls: [nodes[0].url, nodes[1].url],
    lag: (milliseconds) => nodes.forEach((node, i) => node.lag(milliseconds[i]!)),
    onWait: (token, server, listener) => void nodes[server]!.listeners.set(token, listener),
    release: (token, server) => void nodes[server]!.process.send({ release: token }),
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
      await server.stop();
    },
  };
}

interface RacesNode {
  readonly url: string;
  readonly process: ChildProcess;
  readonly listeners: Map<string, () => void>;
  lag(milliseconds: number): void;
  stop(): Promise<void>;
}

async function startNode(
  store: RacesStore,
  storePort: number,
  platform: 'express' | 'fastify',
  packageFolder: string | undefined,
): Promise<RacesNode> {
  const proxy = await tcpProxy(storePort);
  const args = [
    store,
    `127.0.0.1:${proxy.port}`,
    platform,
    ...(packageFolder ? [packageFolder] : []),
  ];
  // Without the flags that Jest runs with.
  const server = fork(SCRIPT, args, { execArgv: [] });
  const [{ port }] = (await once(server, 'message')) as [{ port: number }];
  const listeners = new Map<string, () => void>();
  server.on('message', ({ waits }: { waits: string }) => listeners.get(waits)?.());
  return {
    url: `http://127.0.0.1:${port}`,
    process: server,
    listeners,
    lag: (milliseconds) => proxy.delay(milliseconds),
    async stop() {
      server.disconnect();
      await once(server, 'exit');
      await proxy.close();
    },
  };
}
