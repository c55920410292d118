/*
 * `npm run bench`: what a request costs with sessions, side by side with the peers.
 *
 *   --quick             fewer requests and rounds, done in two minutes, and noisier
 *   --rounds <n>        how often each contender has its turn
 *   --requests <n>      requests of a turn
 *   --contenders <a,b>  only these (see contenders.ts)
 *   --routes <a,b>      only these (see routes.ts)
 *   --out <folder>      where the results go; default: bench/results, with --quick: nowhere
 *   --cpu-prof <folder> writes a CPU profile of each server
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startMemcached } from '../test/support/memcached.js';
import { startPostgres } from '../test/support/postgres.js';
import { startRedis } from '../test/support/redis.js';
import { CONTENDER_NAMES } from './contenders.js';
import { runBench, type BenchPlan } from './measuring/bench-run.js';
import { chosen, count } from './options.js';
import { LOAD_CORE, pin } from './measuring/pinning.js';
import { benchChart, benchReport, benchTables } from './report/bench-report.js';
import { surroundings } from './report/machine.js';
import { endProgress, progress } from './report/progress.js';
import { ROUTE_NAMES } from './routes.js';

const PACKAGES = [
  ...['@nestjs/core', 'express', 'fastify', 'express-session', 'connect-memcached'],
  ...['@fastify/session', 'memcache-client', 'redis', 'connect-redis'],
];

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    requests: { type: 'string' },
    contenders: { type: 'string' },
    routes: { type: 'string' },
    out: { type: 'string' },
    'cpu-prof': { type: 'string' },
  },
});

const plan: BenchPlan = {
  contenders: chosen('contenders', CONTENDER_NAMES, given.contenders),
  routes: chosen('routes', ROUTE_NAMES, given.routes),
  rounds: count('rounds', given.rounds ?? (given.quick ? '3' : '21')),
  requests: count('requests', given.requests ?? (given.quick ? '200' : '1500')),
};

const memcached = await startMemcached({ args: ['-m', '256', '-t', '1'] });
const postgres = await startPostgres();
const redis = await startRedis();
try {
  pin(process.pid, LOAD_CORE);
  pin(memcached.pid, LOAD_CORE);
  pin(redis.pid, LOAD_CORE);
  const run = await runBench(
    plan,
    {
      ...{ memcached: memcached.server, postgres: postgres.url, redis: redis.url },
      cpuProfiles: given['cpu-prof'],
    },
    progress,
  );
  endProgress();
  const report = benchReport(plan, run, surroundings(PACKAGES));
  console.log(benchTables(report));
  const folder = given.out ?? (given.quick ? undefined : 'bench/results');
  if (folder) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(join(folder, 'bench.svg'), benchChart(report));
    console.log(`\nWritten to ${folder}: bench.json, bench.svg`);
  }
} finally {
  await memcached.stop();
  await postgres.stop();
  await redis.stop();
}
