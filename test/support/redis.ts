import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { createClient } from 'redis';

import { freePort, startServer, type ServerProcess } from './server-process.js';

/** A Redis or Valkey of a test's own, on the loopback interface, with nothing in it. */
export interface Redis {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly server: string;
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  readonly pid: number;
  /** Ends it for good; nothing happens if it is gone. */
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Sends a command over a connection of its own. */
  command(...command: string[]): Promise<unknown>;
  /** How often commands of these names were processed, since it started. */
  calls(...names: string[]): Promise<number>;
  /** Starts another one in its place, after it has ended. */
  again(): Promise<Redis>;
}

export type RedisProgram = 'redis-server' | 'valkey-server';

export interface RedisOptions {
  /** Default: `redis-server`. */
  program?: RedisProgram;
  /** More command-line arguments. */
  args?: readonly string[];
  /** To come back where another one was. Without it: any free port. */
  port?: number;
}

/** Starts a Redis, which keeps nothing on disk; done as soon as it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const { program = 'redis-server' } = options;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    const args = [
      ...['--bind', '127.0.0.1', '--port', String(port), '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--loglevel', 'warning', '--logfile', ''],
      ...(options.args ?? []),
    ];
    const process = await startServer(program, args, { folder });
    if (await answers(process, port)) return redis(process, { ...options, port });

    await process.end('SIGKILL');
    // Another process may have taken the port, or not yet given it back.
    if (attempt === 5) throw new Error(`${program} does not start on port ${port}: ${process.log}`);
    await delay(100);
  }
}

function redis(process: ServerProcess, options: RedisOptions & { port: number }): Redis {
  const { port } = options;
  const command = (...args: string[]) => redisCommand(port, ...args);
  return {
    port,
    server: `127.0.0.1:${port}`,
    url: `redis://127.0.0.1:${port}`,
    pid: process.pid,
    stop: () => process.end('SIGKILL'),
    kill: () => process.end('SIGKILL'),
    pause: () => process.signal('SIGSTOP'),
    resume: () => process.signal('SIGCONT'),
    command,
    async calls(...names) {
      const stats = String(await command('INFO', 'commandstats'));
      return names
        .map((name) => new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1])
        .reduce((sum, calls) => sum + Number(calls ?? 0), 0);
    },
    again: () => startRedis(options),
  };
}

export async function redisCommand(port: number, ...args: string[]): Promise<unknown> {
  const client = createClient({
    socket: { host: '127.0.0.1', port, connectTimeout: 5_000, reconnectStrategy: false },
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.sendCommand(args);
  } finally {
    client.destroy();
  }
}

/** Whether this process answers on that port, as soon as it does. */
export async function answers(process: ServerProcess, port: number): Promise<boolean> {
  for (const end = Date.now() + 10_000; Date.now() < end && !process.hasExited; await delay(20)) {
    const info = (await redisCommand(port, 'INFO', 'server').catch(() => '')) as string;
    // The answer counts only if it is this process that gave it.
    if (info) return info.includes(`process_id:${process.pid}\r`);
  }
  return false;
}

/** A Cluster of three servers, each with a third of the slots and no replica. */
export interface RedisCluster {
  readonly nodes: readonly Redis[];
  stop(): Promise<void>;
}

/** How often the state is read before the servers are introduced again. */
const ASKS_PER_MEETING = 60;

export async function startRedisCluster(program?: RedisProgram): Promise<RedisCluster> {
  const buses = [await freePort(), await freePort(), await freePort()];
  const nodes = await Promise.all(
    buses.map((bus) =>
      startRedis({
        ...(program && { program }),
        args: [
          ...['--cluster-enabled', 'yes', '--cluster-port', String(bus)],
          ...['--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'],
        ],
      }),
    ),
  );
  const slots = ['0 5460', '5461 10922', '10923 16383'];
  for (const [index, node] of nodes.entries()) {
    await node.command('CLUSTER', 'ADDSLOTSRANGE', ...slots[index]!.split(' '));
  }
  const [first] = nodes;
  const meet = async () => {
    for (const [index, { port }] of nodes.entries()) {
      if (index === 0) continue;
      await first!.command('CLUSTER', 'MEET', '127.0.0.1', String(port), String(buses[index]));
    }
  };
  const isWhole = async (node: Redis) => {
    const info = String(await node.command('CLUSTER', 'INFO'));
    return /cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info);
  };
  const areWhole = async () => (await Promise.all(nodes.map(isWhole))).every(Boolean);
  // A server forgets a handshake that is not complete within its node timeout.
  for (let asked = 0; !(await areWhole()); asked++) {
    if (asked % ASKS_PER_MEETING === 0) await meet();
    await delay(50);
  }
  return {
    nodes,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}
