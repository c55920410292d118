import { startMemcached } from '../../test/support/memcached.js';
import { startPostgres } from '../../test/support/postgres.js';
import { startRedis } from '../../test/support/redis.js';
import type { Platform } from '../contenders.js';
import { LOAD_CORE, pin, SERVER_CORE } from '../measuring/pinning.js';
import type { CrowdContender } from '../servers/crowd.app.js';
import type { Stores } from '../servers/stores.js';
import type { BurstSeen } from '../visitors/burst-messages.js';
import { BurstCrowd } from './burst-crowd.js';
import { CrowdServer } from './crowd-server.js';

export interface BurstPlan {
  readonly cases: readonly BurstCase[];
  /** How many ask at the same moment, from few to many. */
  readonly clients: readonly number[];
  /** How long they ask again as they are answered. */
  readonly seconds: number;
  /** How often each number has its turn. */
  readonly rounds: number;
}

export interface BurstCase {
  readonly contender: CrowdContender;
  readonly platform: Platform;
}

export interface BurstMoment extends BurstSeen {
  /** Microseconds of the server process an answer. */
  readonly cpuMicros: number;
  /** Milliseconds. */
  readonly loopDelayMax: number;
}

/** So many clients of a contender, in each round. */
export interface BurstRow extends BurstCase {
  readonly clients: number;
  readonly rounds: readonly BurstMoment[];
  /** Why servers of its store were called down meanwhile. */
  readonly outages: readonly string[];
}

const WARM_UP_SECONDS = 2;

/** All ask at the same moment, and again as they are answered: nine looks to a count. */
export async function measureBurst(
  plan: BurstPlan,
  progress: (text: string) => void,
): Promise<BurstRow[]> {
  const memcached = await startMemcached({ args: ['-m', '512', '-t', '1'] });
  const postgres = await startPostgres();
  const redis = await startRedis();
  try {
    pin(memcached.pid, LOAD_CORE);
    pin(redis.pid, LOAD_CORE);
    const stores = { memcached: memcached.server, postgres: postgres.url, redis: redis.url };
    const rows: BurstRow[] = [];
    for (const one of plan.cases) rows.push(...(await measureCase(one, plan, stores, progress)));
    return rows;
  } finally {
    await memcached.stop();
    await postgres.stop();
    await redis.stop();
  }
}

async function measureCase(
  one: BurstCase,
  { clients, seconds, rounds }: BurstPlan,
  stores: Stores,
  progress: (text: string) => void,
): Promise<BurstRow[]> {
  const name = `burst: ${one.contender} on ${one.platform}`;
  progress(`${name}, ${clients.at(-1)!} clients join`);
  const server = await CrowdServer.start({ ...one, ...stores, core: SERVER_CORE });
  const crowd = new BurstCrowd(LOAD_CORE);
  const keepsSessions = one.contender !== 'bare';
  const rows = clients.map((count) => {
    const moments: BurstMoment[] = [];
    const outages: string[] = [];
    return { ...one, clients: count, rounds: moments, outages };
  });
  try {
    const whom = { port: server.port, clients: clients.at(-1)!, keepsSessions };
    await crowd.gather(whom);
    await crowd.burst(clients[0]!, WARM_UP_SECONDS);
    for (let round = 1; round <= rounds; round++) {
      // Whatever changes with time shall not be taken for a matter of the number.
      for (const row of round % 2 ? rows : rows.toReversed()) {
        progress(`${name}, round ${round} of ${rounds}, ${row.clients} clients`);
        await crowd.gather(whom);
        const before = await server.figures();
        const seen = await crowd.burst(row.clients, seconds);
        const after = await server.figures();
        const answers = seen.served + seen.unavailable;
        row.rounds.push({
          ...seen,
          cpuMicros: (after.cpuMicros - before.cpuMicros) / Math.max(1, answers),
          loopDelayMax: after.loopDelay.max,
        });
        row.outages.push(...after.outages.slice(before.outages.length));
      }
    }
    return rows;
  } finally {
    await crowd.leave();
    await server.stop();
  }
}
