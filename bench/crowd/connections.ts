import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

import { startMemcached, type Memcached } from '../../test/support/memcached.js';
import type { ProcessFigures } from '../servers/messages.js';
import { Visitor } from '../visitors/visitor.js';
import { CrowdServer } from './crowd-server.js';

export interface ConnectionsPlan {
  readonly connections: number;
  readonly minutes: number;
  /** Requests per second, of all visitors together. */
  readonly rate: number;
}

/** What was seen within one interval. */
export interface Moment {
  /** Since the beginning. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p99: number;
  /** Compare-and-sets per second that another write came before. */
  readonly conflictsPerSecond: number;
  /** Bytes, without a collection. */
  readonly heapUsed: number;
  readonly loopDelayP99: number;
}

export interface ConnectionsResult {
  readonly requests: number;
  readonly writes: number;
  /** Sessions whose count at the end is not that of their acknowledged writes. */
  readonly wrongCounts: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Of the server: after a collection, warmed up and at the end. Bytes. */
  readonly heap: { readonly start: number; readonly end: number };
  readonly rss: { readonly start: number; readonly end: number };
  /** Milliseconds; the longest of all intervals. */
  readonly loopDelay: { readonly p99: number; readonly max: number };
  readonly cpuMicrosPerRequest: number;
  readonly moments: readonly Moment[];
}

const WRITE_SHARE = 0.1;
const INTERVAL_MS = 5_000;
/** Of all the time, to be left out of what is compared: code is compiled, buffers grow. */
const WARM_UP_SHARE = 0.2;

interface Member {
  readonly visitor: Visitor;
  readonly mark: string;
  cookie: string;
  acknowledged: number;
}

/** Very many open connections, each with a session of its own: nine reads to a write. */
export async function measureConnections(
  plan: ConnectionsPlan,
  progress: (text: string) => void,
): Promise<ConnectionsResult> {
  const memcached = await startMemcached({ args: ['-m', '512', '-t', '1'] });
  const server = await CrowdServer.start({ memcached: memcached.server });
  const members: Member[] = [];
  try {
    for (let number = 0; number < plan.connections; number++) {
      members.push(await join(server.port, `visitor ${number}`));
      if (number % 1000 === 999) progress(`connections: ${number + 1} are open`);
    }
    const run = new CrowdRun(plan, members, server, memcached, progress);
    const seen = await run.run();
    progress('connections: counting');
    return { ...seen, wrongCounts: await countWrong(members) };
  } finally {
    await Promise.all(members.map(({ visitor }) => visitor.leave()));
    await server.stop();
    await memcached.stop();
  }
}

async function join(port: number, mark: string): Promise<Member> {
  const visitor = new Visitor(port);
  const { cookie, status } = await visitor.ask({ path: `/join?mark=${encodeURIComponent(mark)}` });
  if (status !== 200 || !cookie) throw new Error(`${mark} got no session: ${status}`);
  return { visitor, mark, cookie, acknowledged: 0 };
}

async function look({ visitor, cookie, mark, acknowledged }: Member): Promise<boolean> {
  const { status, body } = await visitor.ask({ path: '/look', cookie });
  const seen = status === 200 ? (JSON.parse(body) as { mark: string; count: number }) : undefined;
  if (seen?.mark !== mark) throw new Error(`${mark} looked at: ${status} ${body}`);
  return seen.count === acknowledged;
}

async function count(member: Member): Promise<void> {
  const { status, body } = await member.visitor.ask({ path: '/count', cookie: member.cookie });
  if (status !== 200 || body !== JSON.stringify({ mark: member.mark })) {
    throw new Error(`${member.mark} counted in: ${status} ${body}`);
  }
  member.acknowledged++;
}

async function countWrong(members: readonly Member[]): Promise<number> {
  let wrong = 0;
  for (const member of members) if (!(await look(member))) wrong++;
  return wrong;
}

class CrowdRun {
  private readonly all: RecordableHistogram = createHistogram();
  private recent: RecordableHistogram = createHistogram();
  private requests = 0;
  private writes = 0;
  private isOver = false;

  constructor(
    private readonly plan: ConnectionsPlan,
    private readonly members: readonly Member[],
    private readonly server: CrowdServer,
    private readonly memcached: Memcached,
    private readonly progress: (text: string) => void,
  ) {}

  async run(): Promise<Omit<ConnectionsResult, 'wrongCounts'>> {
    const total = this.plan.minutes * 60_000;
    const crowd = Promise.all(this.members.map((member) => this.live(member)));
    // A member that fails ends the run at once, instead of at its end.
    const failed = crowd.then(() => undefined);
    const watch = async (): Promise<Omit<ConnectionsResult, 'wrongCounts'>> => {
      await delay(total * WARM_UP_SHARE);
      const start = await this.server.figuresCollected();
      const [requestsBefore, cpuBefore] = [this.requests, start.cpuMicros];
      const moments: Moment[] = [];
      let loopDelay = { p99: 0, max: 0 };
      const begin = performance.now();
      this.recent = createHistogram();
      for (let last = await this.reading(); performance.now() - begin < total * 0.8;) {
        await delay(INTERVAL_MS);
        const now = await this.reading();
        moments.push(this.momentBetween(last, now, begin));
        const { p99, max } = now.figures.loopDelay;
        loopDelay = { p99: Math.max(loopDelay.p99, p99), max: Math.max(loopDelay.max, max) };
        last = now;
      }
      const requests = this.requests - requestsBefore;
      const { cpuMicros } = await this.server.figures();
      this.isOver = true;
      await crowd;
      const end = await this.server.figuresCollected();
      return {
        requests: this.requests,
        writes: this.writes,
        p50: this.all.percentile(50) / 1000,
        p99: this.all.percentile(99) / 1000,
        heap: { start: start.heapUsed, end: end.heapUsed },
        rss: { start: start.rss, end: end.rss },
        loopDelay,
        cpuMicrosPerRequest: (cpuMicros - cpuBefore) / requests,
        moments,
      };
    };
    const watched = watch();
    try {
      await Promise.race([watched, failed]);
    } finally {
      this.isOver = true;
    }
    return watched;
  }

  /** Thinks, asks, and thinks again; on average as long as the rate allows. */
  private async live(member: Member): Promise<void> {
    const thinkTime = (this.members.length / this.plan.rate) * 1000;
    await delay(Math.random() * thinkTime);
    while (!this.isOver) {
      const isWrite = Math.random() < WRITE_SHARE;
      const start = performance.now();
      if (isWrite) await count(member);
      else if (!(await look(member))) throw new Error(`${member.mark} lost a write`);
      const micros = Math.max(1, Math.round((performance.now() - start) * 1000));
      this.all.record(micros);
      this.recent.record(micros);
      this.requests++;
      if (isWrite) this.writes++;
      const end = performance.now() + thinkTime * (0.5 + Math.random());
      // Wakes up now and then, to see whether it is over.
      while (!this.isOver && performance.now() < end) {
        await delay(Math.min(2_000, Math.max(1, end - performance.now())));
      }
    }
  }

  private async reading() {
    const figures: ProcessFigures = await this.server.figures();
    const conflicts = Number((await this.memcached.stats())['cas_badval']);
    const { recent } = this;
    this.recent = createHistogram();
    return { at: performance.now(), figures, conflicts, requests: this.requests, recent };
  }

  private momentBetween(
    last: Awaited<ReturnType<CrowdRun['reading']>>,
    now: Awaited<ReturnType<CrowdRun['reading']>>,
    begin: number,
  ): Moment {
    const seconds = (now.at - last.at) / 1000;
    const moment = {
      seconds: (now.at - begin) / 1000,
      requestsPerSecond: (now.requests - last.requests) / seconds,
      p99: now.recent.percentile(99) / 1000,
      conflictsPerSecond: (now.conflicts - last.conflicts) / seconds,
      heapUsed: now.figures.heapUsed,
      loopDelayP99: now.figures.loopDelay.p99,
    };
    this.progress(
      `connections: ${moment.seconds.toFixed(0)} s, ${moment.requestsPerSecond.toFixed(0)} requests/s, ` +
        `p99 ${moment.p99.toFixed(0)} ms, heap ${(moment.heapUsed / 2 ** 20).toFixed(0)} MiB`,
    );
    return moment;
  }
}
