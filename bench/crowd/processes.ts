import { startMemcached } from '../../test/support/memcached.js';
import { percentile } from '../measuring/statistics.js';
import { runLoad, withVisitors } from '../visitors/load.js';
import type { Answer } from '../visitors/visitor.js';
import { commandCounts } from './command-counts.js';
import { CrowdServer } from './crowd-server.js';
import { prefill } from './prefill.js';

export interface ProcessesPlan {
  readonly processes: readonly number[];
  readonly requests: number;
}

export interface ProcessesRow {
  readonly processes: number;
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
  readonly p99: number;
  readonly conflictsPerSecond: number;
}

const VISITORS = 64;
/** Few enough for some of the visitors to meet in one. */
const SESSIONS = 200;
const WRITE_SHARE = 0.1;

/** More processes on one memcached; nine reads to a write. */
export async function measureProcesses(
  { processes, requests }: ProcessesPlan,
  progress: (text: string) => void,
): Promise<ProcessesRow[]> {
  const rows: ProcessesRow[] = [];
  for (const count of processes) {
    progress(`processes: ${count}`);
    rows.push(await measure(count, requests));
  }
  return rows;
}

async function measure(processes: number, count: number): Promise<ProcessesRow> {
  const memcached = await startMemcached({ args: ['-t', '1'] });
  const server = await CrowdServer.start({ memcached: memcached.server, processes });
  try {
    const { cookies } = await prefill(memcached, server.port, SESSIONS);
    const next = () => ({
      path: Math.random() < WRITE_SHARE ? '/count' : '/look',
      cookie: cookies[Math.floor(Math.random() * cookies.length)],
    });
    return await withVisitors(server.port, VISITORS, async (visitors) => {
      await runLoad(visitors, { count: processes * 3_000, next, check });
      const [before, cpuBefore] = [await commandCounts(memcached), await server.figures()];
      const { seconds, latencies } = await runLoad(visitors, { count, next, check });
      const [after, cpuAfter] = [await commandCounts(memcached), await server.figures()];
      return {
        processes,
        requestsPerSecond: count / seconds,
        cpuMicrosPerRequest: (cpuAfter.cpuMicros - cpuBefore.cpuMicros) / count,
        p99: percentile(latencies, 0.99),
        conflictsPerSecond: (after.conflicts - before.conflicts) / seconds,
      };
    });
  } finally {
    await server.stop();
    await memcached.stop();
  }
}

function check({ status, body }: Answer): void {
  if (status !== 200) throw new Error(`A request was refused: ${status} ${body}`);
}
