// A server of one or more processes, as a JSON text of `CrowdOrder` says.
import 'reflect-metadata';

import cluster, { type Worker } from 'node:cluster';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { createCrowdApp } from './crowd.app.js';
import type { CrowdOrder, ListeningMessage, ProcessFigures } from './messages.js';

const { contender, platform, processes, stores } = JSON.parse(process.argv[2]!) as CrowdOrder;

/** How many outages are reported at most. */
const MOST_OUTAGES = 20;

if (cluster.isPrimary) await lead(processes);
else await serve();

/** Starts the workers, and hands every question on to all of them. */
async function lead(count: number): Promise<void> {
  const workers: Worker[] = [];
  let listening!: ListeningMessage;
  while (workers.length < count) {
    const worker = cluster.fork();
    [listening] = (await once(worker, 'message')) as [ListeningMessage];
    workers.push(worker);
  }
  cluster.on('exit', () => process.exit(1));
  process.on('disconnect', () => process.exit());
  process.on('message', (question: string) => {
    const answers = workers.map(async (worker) => {
      worker.send(question);
      return ((await once(worker, 'message')) as [ProcessFigures])[0];
    });
    void Promise.all(answers).then((figures) => process.send?.(figures));
  });
  process.send?.(listening);
}

async function serve(): Promise<void> {
  const app = await createCrowdApp(contender, platform, stores);
  const server = app.getHttpServer() as Server;
  // Its visitors think for longer than the default of 5 s.
  server.keepAliveTimeout = 10 * 60_000;
  await app.listen(0, '127.0.0.1');

  const outages = tellOutages();
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  process.on('disconnect', () => process.exit());
  process.on('message', (question: string) => {
    if (question === 'collect') globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const loopDelay = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
    delay.reset();
    const figures = { cpuMicros: user + system, rss, heapUsed, loopDelay, outages };
    process.send?.(figures satisfies ProcessFigures);
  });
  process.send?.({ port: (server.address() as AddressInfo).port } satisfies ListeningMessage);
}

/** Why servers of a store count as down, by the events of this package. */
function tellOutages(): string[] {
  const outages: string[] = [];
  subscribe('nestjs-session-manager:outage-began', (message) => {
    const { server, reason } = message as { server: string; reason: string };
    if (outages.length < MOST_OUTAGES) outages.push(`${server}: ${reason}`);
  });
  return outages;
}
