import { AsyncResource } from 'node:async_hooks';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';

import { CONFIG, type Config } from '../config.js';
import { RaceClient } from './client.js';
import { SIDES, startContestants, type Contestants, type Side } from './contestants.js';
import type { Experiment, Progress } from './experiments.js';
import { RaceStore } from './race-store.js';

export type Results = Partial<Record<Side, Progress>>;
export type Listener = (side: Side, progress: Progress) => void;
type Urls = Record<Side, readonly string[]>;

const PROCESSES = 4;

/** Runs the experiments, one after the other; the applications start with the first one. */
@Injectable()
export class Race implements OnModuleDestroy {
  /** What each experiment last came to, by its id. */
  readonly results = new Map<string, Results>();
  private store: Promise<RaceStore | undefined> | undefined;
  private contestants: Promise<Contestants> | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private readonly children = new Set<ChildProcess>();
  /** What they do belongs to no request of this application. */
  private readonly outside = new AsyncResource('Race');

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Where both sides keep their sessions. */
  async place(): Promise<'memcached' | 'memory'> {
    return (await this.openStore()) ? 'memcached' : 'memory';
  }

  /** @throws what stops it, such as a port that is taken */
  run(experiment: Experiment, listener: Listener = () => undefined): Promise<Results> {
    const running = this.last.then(() =>
      this.outside.runInAsyncScope(() => this.runNow(experiment, listener)),
    );
    this.last = running.catch(() => undefined);
    return running;
  }

  async onModuleDestroy(): Promise<void> {
    await this.stopContestants();
    for (const child of this.children) child.kill();
    await (await this.store)?.close();
  }

  private async runNow(experiment: Experiment, listener: Listener): Promise<Results> {
    const store = await this.openStore();
    if (!store && experiment.needs) return {};
    const results: Results = {};
    const tell = (side: Side) => (progress: Progress) => {
      results[side] = progress;
      listener(side, progress);
    };
    const isOutage = experiment.needs === 'memcached';
    const urls =
      experiment.needs === 'processes' ? await this.startProcesses(store!) : await this.urls();
    // In an outage one after the other, as they have one store; else at the same time.
    const outage = { stop: async () => store?.stop(), start: async () => store?.start() };
    const runs = SIDES.map((side) => () => {
      const client = new RaceClient(urls[side]);
      return experiment.run({ side, client, store: outage, report: tell(side) });
    });
    if (isOutage) for (const run of runs) await run();
    else await Promise.all(runs.map((run) => run()));
    // The peer's client does not use a server that was lost for longer than a visitor waits here.
    if (isOutage) await this.stopContestants();
    this.stopProcesses();
    this.results.set(experiment.id, results);
    return results;
  }

  private openStore(): Promise<RaceStore | undefined> {
    return (this.store ??= this.outside.runInAsyncScope(() =>
      RaceStore.open(this.config.memcachedServers),
    ));
  }

  private async urls(): Promise<Urls> {
    const store = await this.openStore();
    const { peer, own } = await (this.contestants ??= startContestants(store?.address));
    return { peer: [peer.url], own: [own.url] };
  }

  private async stopContestants(): Promise<void> {
    const { contestants } = this;
    this.contestants = undefined;
    if (contestants) for (const side of SIDES) await (await contestants)[side].stop();
  }

  private async startProcesses({ server }: RaceStore): Promise<Urls> {
    const program = fileURLToPath(new URL('race-process.js', import.meta.url));
    const starting = Array.from({ length: PROCESSES }, async () => {
      const child = fork(program, [server], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      this.children.add(child);
      const [urls] = (await once(child, 'message')) as [Record<Side, string>];
      return urls;
    });
    const all = await Promise.all(starting);
    return { peer: all.map(({ peer }) => peer), own: all.map(({ own }) => own) };
  }

  private stopProcesses(): void {
    for (const child of this.children) child.kill();
    this.children.clear();
  }
}
