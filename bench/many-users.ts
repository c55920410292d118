/*
 * `npm run load`: many sessions, many connections, several processes, a hot session, very many sessions in each
 * store, a crowd in a burst.
 *
 * It fails if a write or a session of ours is lost, or if ours answers the crowd with a 503, wrongly, or is not
 * itself again within a second.
 *
 *   --quick              less of all, done in a few minutes
 *   --parts <a,b>        of growth, connections, processes, hot, stores, burst
 *   --connections <n>    open at once; default: 10000
 *   --minutes <n>        how long they live, or the stores' load lasts; a soak test is `--parts connections --minutes 600`
 *   --rate <n>           requests per second of all of them; default: 800
 *   --clients <n>        of the largest burst; default: 10000, or what the machine allows
 *   --seconds <n>        how long a burst lasts; default: 8
 *   --sessions <n>       in each store; default: 100000
 *   --contenders <a,b>   only these of hot, stores and burst (`CROWDS`)
 *   --out <folder>       where the results go; default: bench/results, with --quick: nowhere
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { measureBurst, type BurstCase, type BurstPlan } from './crowd/burst.js';
import { measureConnections, type ConnectionsPlan } from './crowd/connections.js';
import { measureGrowth } from './crowd/growth.js';
import { measureHot, type HotCase } from './crowd/hot.js';
import { mostConnections } from './crowd/most-connections.js';
import { measureProcesses } from './crowd/processes.js';
import { IN_STORES, measureStores, type StoresPlan } from './crowd/stores.js';
import { chosen, count, positive } from './options.js';
import { burstFailures } from './report/burst-report.js';
import { loadChart, loadTables, type LoadReport } from './report/load-report.js';
import { surroundings } from './report/machine.js';
import { storesFailures } from './report/stores-report.js';
import { endProgress, progress } from './report/progress.js';
import type { CrowdContender } from './servers/crowd.app.js';

const PARTS = ['growth', 'connections', 'processes', 'hot', 'stores', 'burst'] as const;
const CROWDS: CrowdContender[] = [
  'bare',
  'mini',
  'ours',
  'ours-keyv',
  'ours-redis',
  'ours-postgres',
  'ours-durable',
  'express-session',
  'express-session-redis',
  'express-session-postgres',
];
/** Of a burst; the largest is an option. */
const FEWER_CLIENTS = [100, 1_000, 4_000];
const PACKAGES = [
  ...['@nestjs/core', 'express', 'fastify', 'express-session', 'connect-memcached'],
  ...['@keyv/postgres', 'pg', 'connect-pg-simple', 'redis', 'connect-redis'],
];

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    parts: { type: 'string' },
    connections: { type: 'string' },
    minutes: { type: 'string' },
    sessions: { type: 'string' },
    rate: { type: 'string' },
    clients: { type: 'string' },
    seconds: { type: 'string' },
    contenders: { type: 'string' },
    out: { type: 'string' },
  },
});
const { quick } = given;
const parts = chosen('parts', PARTS, given.parts);

const growth = {
  sizes: quick ? [1_000, 100_000] : [1_000, 100_000, 1_000_000],
  rounds: quick ? 3 : 15,
  requests: quick ? 1_000 : 2_000,
};
const connections: ConnectionsPlan = {
  connections: count('connections', given.connections ?? (quick ? '1000' : '10000')),
  minutes: positive('minutes', given.minutes ?? (quick ? '0.5' : '2.5')),
  rate: count('rate', given.rate ?? '800'),
};
const processes = { processes: [1, 2, 4], requests: quick ? 4_000 : 20_000 };
const contenders = chosen('contenders', CROWDS, given.contenders);
const hot = { cases: hotCases(), writes: quick ? 1_000 : 5_000 };
const stores: StoresPlan = {
  contenders: IN_STORES.filter((contender) => contenders.includes(contender)),
  sessions: count('sessions', given.sessions ?? (quick ? '2000' : '100000')),
  processes: 2,
  minutes: positive('minutes', given.minutes ?? (quick ? '0.1' : '1')),
};
const burst: BurstPlan = {
  cases: burstCases(),
  clients: burstClients(),
  seconds: positive('seconds', given.seconds ?? (quick ? '2' : '8')),
  rounds: quick ? 1 : 2,
};

const report: LoadReport = {
  ...surroundings(PACKAGES),
  ...(parts.includes('growth') && { growth: await measureGrowth(growth, progress) }),
  ...(parts.includes('connections') && {
    connections: { ...connections, ...(await measureConnections(connections, progress)) },
  }),
  ...(parts.includes('processes') && { processes: await measureProcesses(processes, progress) }),
  ...(parts.includes('hot') && { hot: await measureHot(hot, progress) }),
  ...(parts.includes('stores') && {
    stores: { ...stores, rows: await measureStores(stores, progress) },
  }),
  ...(parts.includes('burst') && { burst: await burstReport() }),
};
endProgress();
console.log(loadTables(report));

const folder = given.out ?? (quick ? undefined : 'bench/results');
if (folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'load.json'), `${JSON.stringify(report, null, 2)}\n`);
  if (report.connections) writeFileSync(join(folder, 'load.svg'), loadChart(report.connections));
  console.log(`\nWritten to ${folder}`);
}
if (report.connections?.wrongCounts) process.exitCode = 1;
if (report.stores && storesFailures(report.stores).length > 0) process.exitCode = 1;
if (report.burst && burstFailures(report.burst).length > 0) process.exitCode = 1;

function hotCases(): HotCase[] {
  const crowd = (contender: HotCase['contender'], processes: number, writers: number[]) =>
    contenders.includes(contender)
      ? writers.map((count) => ({ contender, processes, writers: count }))
      : [];
  return [
    ...crowd('ours', 1, [1, 4, 16, 64]),
    ...crowd('ours', 2, [64]),
    ...crowd('ours-redis', 2, [64]),
    ...crowd('ours-postgres', 2, [64]),
    ...crowd('express-session', 1, [1, 64]),
    ...crowd('express-session', 2, [64]),
    ...crowd('express-session-redis', 2, [64]),
    ...crowd('express-session-postgres', 2, [64]),
  ];
}

/** There is no store for memcached in Fastify's own sessions, and none of express-session for Fastify. */
function burstCases(): BurstCase[] {
  const onFastify = contenders.filter((contender) => !contender.startsWith('express-session'));
  return [
    ...contenders.map((contender) => ({ contender, platform: 'express' }) as const),
    ...onFastify.map((contender) => ({ contender, platform: 'fastify' }) as const),
  ];
}

function burstClients(): number[] {
  const wanted = count('clients', given.clients ?? (quick ? '2000' : '10000'));
  const most = Math.min(wanted, mostConnections());
  return [...(quick ? [100] : FEWER_CLIENTS).filter((clients) => clients < most), most];
}

async function burstReport() {
  const { clients, seconds, rounds } = burst;
  return { clients, seconds, rounds, rows: await measureBurst(burst, progress) };
}
