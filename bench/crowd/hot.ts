import { startMemcached, type Memcached } from '../../test/support/memcached.js';
import { startPostgres } from '../../test/support/postgres.js';
import { startRedis } from '../../test/support/redis.js';
import { percentile } from '../measuring/statistics.js';
import type { CrowdContender } from '../servers/crowd.app.js';
import { runLoad, withVisitors } from '../visitors/load.js';
import { Visitor, type Answer } from '../visitors/visitor.js';
import { commandCounts } from './command-counts.js';
import { CrowdServer } from './crowd-server.js';

export interface HotPlan {
  readonly cases: readonly HotCase[];
  /** Acknowledged writes of each case. */
  readonly writes: number;
}

export interface HotCase {
  readonly contender: CrowdContender;
  readonly processes: number;
  /** Who write at the same time. */
  readonly writers: number;
}

export interface HotRow extends HotCase {
  /** Of all acknowledged writes, those that are there at the end. */
  readonly kept: number;
  readonly writes: number;
  readonly writesPerSecond: number;
  readonly cpuMicrosPerWrite: number;
  readonly commandsPerWrite: number;
  readonly conflictsPerSecond: number;
  readonly p99: number;
}

/** All clients count in one session. */
export async function measureHot(
  { cases, writes }: HotPlan,
  progress: (text: string) => void,
): Promise<HotRow[]> {
  const memcached = await startMemcached({ args: ['-t', '1'] });
  const postgres = await startPostgres();
  const redis = await startRedis();
  const rows: HotRow[] = [];
  try {
    for (const one of cases) {
      progress(`hot: ${one.contender}, ${one.processes} processes, ${one.writers} writers`);
      const stores = { memcached, postgres: postgres.url, redis: redis.url };
      rows.push(await measureCase(one, writes, stores));
    }
    return rows;
  } finally {
    await memcached.stop();
    await postgres.stop();
    await redis.stop();
  }
}

interface HotStores {
  readonly memcached: Memcached;
  readonly postgres: string;
  readonly redis: string;
}

/** Commands and conflicts are those of memcached. */
async function measureCase(
  one: HotCase,
  writes: number,
  { memcached, ...stores }: HotStores,
): Promise<HotRow> {
  const server = await CrowdServer.start({ memcached: memcached.server, ...stores, ...one });
  const { writers } = one;
  try {
    // To warm up.
    await writeTogether(server, writers, writes);
    const cookie = await newSession(server);
    const [before, cpuBefore] = [await commandCounts(memcached), await server.figures()];
    const { seconds, latencies } = await writeTogether(server, writers, writes, cookie);
    const [after, cpuAfter] = [await commandCounts(memcached), await server.figures()];
    return {
      ...one,
      writes,
      kept: await countIn(server, cookie),
      writesPerSecond: writes / seconds,
      cpuMicrosPerWrite: (cpuAfter.cpuMicros - cpuBefore.cpuMicros) / writes,
      commandsPerWrite: (after.commands - before.commands) / writes,
      conflictsPerSecond: (after.conflicts - before.conflicts) / seconds,
      p99: percentile(latencies, 0.99),
    };
  } finally {
    await server.stop();
  }
}

async function writeTogether(server: CrowdServer, writers: number, count: number, given?: string) {
  const cookie = given ?? (await newSession(server));
  const load = { count, next: () => ({ path: '/count', cookie }), check };
  return withVisitors(server.port, writers, (visitors) => runLoad(visitors, load));
}

async function newSession(server: CrowdServer): Promise<string> {
  const { cookie, status } = await askOnce(server, '/join?mark=hot');
  if (status !== 200 || !cookie) throw new Error(`A visitor got no session: ${status}`);
  return cookie;
}

async function countIn(server: CrowdServer, cookie: string): Promise<number> {
  const { body } = await askOnce(server, '/look', cookie);
  return (JSON.parse(body) as { count: number }).count;
}

async function askOnce(server: CrowdServer, path: string, cookie?: string): Promise<Answer> {
  const visitor = new Visitor(server.port);
  try {
    return await visitor.ask({ path, cookie });
  } finally {
    await visitor.leave();
  }
}

function check({ status, body }: Answer): void {
  if (status !== 200) throw new Error(`A write was refused: ${status} ${body}`);
}
