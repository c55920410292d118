import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { answers, redisCommand, startRedis, type Redis } from './redis.js';
import { freePort, startServer } from './server-process.js';

/** A primary, its replica, and a Sentinel that makes the replica the primary when that one is gone. */
export interface RedisWithSentinel {
  /** The name by which Sentinel knows them. */
  readonly name: string;
  readonly sentinel: { readonly host: string; readonly port: number };
  readonly primary: Redis;
  readonly replica: Redis;
  /** Waits until the replica has all that the primary has. */
  replicate(): Promise<void>;
  /** Lets Sentinel exchange them, as for maintenance. */
  exchange(): Promise<unknown>;
  stop(): Promise<void>;
}

const NAME = 'main';

export async function startRedisWithSentinel(): Promise<RedisWithSentinel> {
  const primary = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  await until(async () => (await infoOf(replica)).includes('master_link_status:up'));

  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'sentinel-'));
  const file = join(folder, 'sentinel.conf');
  // It keeps what it learns in this file.
  await writeFile(
    file,
    `bind 127.0.0.1
port ${port}
dir ${folder}
sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1
sentinel down-after-milliseconds ${NAME} 500
sentinel failover-timeout ${NAME} 5000
`,
  );
  const process = await startServer('redis-server', [file, '--sentinel'], { folder });
  if (!(await answers(process, port))) throw new Error(`Sentinel does not start: ${process.log}`);
  const ask = (...command: string[]) => redisCommand(port, 'SENTINEL', ...command);
  await until(async () => ((await ask('REPLICAS', NAME)) as unknown[]).length > 0);
  return {
    name: NAME,
    sentinel: { host: '127.0.0.1', port },
    ...{ primary, replica },
    async replicate() {
      const offset = async (of: Redis) => /master_repl_offset:(\d+)/.exec(await infoOf(of))?.[1];
      const wanted = Number(await offset(primary));
      await until(async () => Number(await offset(replica)) >= wanted);
    },
    exchange: () => ask('FAILOVER', NAME),
    async stop() {
      await process.end('SIGKILL');
      await Promise.all([primary.stop(), replica.stop()]);
    },
  };
}

async function infoOf(redis: Redis): Promise<string> {
  return String(await redis.command('INFO', 'replication'));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(50);
}
