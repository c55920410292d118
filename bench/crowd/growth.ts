import { startMemcached, type Memcached } from '../../test/support/memcached.js';
import { LOAD_CORE, pin, SERVER_CORE } from '../measuring/pinning.js';
import { median, percentile } from '../measuring/statistics.js';
import { runLoad, withVisitors } from '../visitors/load.js';
import type { Answer } from '../visitors/visitor.js';
import { CrowdServer } from './crowd-server.js';
import { prefill, type Prefilled } from './prefill.js';

export interface GrowthPlan {
  /** How many sessions there are, for each a memcached of its own. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly requests: number;
}

export interface GrowthRow {
  readonly sessions: number;
  /** Microseconds of the server process a read. */
  readonly cpu: { readonly min: number; readonly median: number };
  readonly requestsPerSecond: number;
  readonly p99: number;
  /** Bytes a session: JSON of the entries, beyond that, and all in all in memcached. */
  readonly entriesBytes: number;
  readonly overheadBytes: number;
  readonly itemBytes: number;
}

interface Store {
  readonly memcached: Memcached;
  readonly server: CrowdServer;
  readonly filled: Prefilled;
  readonly samples: { cpu: number; rate: number; p99: number }[];
}

const VISITORS = 32;

/** Reads of random sessions, among few and among very many. */
export async function measureGrowth(
  { sizes, rounds, requests }: GrowthPlan,
  progress: (text: string) => void,
): Promise<GrowthRow[]> {
  const stores: Store[] = [];
  try {
    for (const size of sizes) {
      progress(`growth: ${size} sessions are made`);
      stores.push(await startStore(size));
    }
    for (let round = 0; round <= rounds; round++) {
      // In another order each time; the first is to warm up.
      for (const store of round % 2 ? stores : stores.toReversed()) {
        progress(`growth: round ${round} of ${rounds}, ${store.filled.cookies.length} sessions`);
        const sample = await takeSample(store, round === 0 ? requests * 3 : requests);
        if (round > 0) store.samples.push(sample);
      }
    }
    return stores.map(rowOf);
  } finally {
    await Promise.all(stores.map(stopStore));
  }
}

async function startStore(size: number): Promise<Store> {
  const memcached = await startMemcached({ args: ['-m', '2048', '-t', '1'] });
  pin(memcached.pid, LOAD_CORE);
  const server = await CrowdServer.start({ memcached: memcached.server, core: SERVER_CORE });
  return { memcached, server, filled: await prefill(memcached, server.port, size), samples: [] };
}

async function stopStore({ server, memcached }: Store): Promise<void> {
  await server.stop();
  await memcached.stop();
}

function takeSample({ server, filled: { cookies } }: Store, count: number) {
  const next = () => ({
    path: '/look',
    cookie: cookies[Math.floor(Math.random() * cookies.length)],
  });
  return withVisitors(server.port, VISITORS, async (visitors) => {
    await runLoad(visitors, { count: VISITORS * 8, next, check });
    const before = await server.figures();
    const { seconds, latencies } = await runLoad(visitors, { count, next, check });
    const after = await server.figures();
    return {
      cpu: (after.cpuMicros - before.cpuMicros) / count,
      rate: count / seconds,
      p99: percentile(latencies, 0.99),
    };
  });
}

function check({ status, body }: Answer): void {
  if (status === 200 && body === '{"mark":"copied","count":0}') return;
  throw new Error(`A session is lost: ${status} ${body}`);
}

function rowOf({ filled, samples }: Store): GrowthRow {
  const cpu = samples.map((sample) => sample.cpu);
  const { cookies, entriesBytes, overheadBytes, itemBytes } = filled;
  return {
    sessions: cookies.length,
    cpu: { min: Math.min(...cpu), median: median(cpu) },
    requestsPerSecond: median(samples.map(({ rate }) => rate)),
    p99: median(samples.map(({ p99 }) => p99)),
    ...{ entriesBytes, overheadBytes, itemBytes },
  };
}
