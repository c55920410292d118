import { createHistogram } from 'node:perf_hooks';

import { startPostgres } from '../../test/support/postgres.js';
import { startRedis } from '../../test/support/redis.js';
import type { CrowdContender } from '../servers/crowd.app.js';
import { RawVisitor } from '../visitors/raw-visitor.js';
import type { Answer } from '../visitors/visitor.js';
import { CrowdServer } from './crowd-server.js';

/** Those who keep their sessions in Redis or in Postgres. */
export const IN_STORES = [
  'ours-redis',
  'ours-postgres',
  'express-session-redis',
  'express-session-postgres',
] as const satisfies readonly CrowdContender[];

export interface StoresPlan {
  readonly contenders: readonly (typeof IN_STORES)[number][];
  readonly sessions: number;
  readonly processes: number;
  readonly minutes: number;
}

export interface StoresRow {
  readonly contender: (typeof IN_STORES)[number];
  readonly requests: number;
  /** Of them, those that were acknowledged. */
  readonly writes: number;
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
  /** Milliseconds. */
  readonly p99: number;
  /** Answers other than 200. */
  readonly refused: number;
  /** Acknowledged writes that are not there at the end. */
  readonly lostWrites: number;
  /** Writes that are there and were never made, or twice. */
  readonly surplusWrites: number;
  /** Sessions that are not there at the end. */
  readonly lostSessions: number;
  /** Answers with the mark of another session. */
  readonly mixedUp: number;
  /** Why the store was called down. */
  readonly outages: readonly string[];
}

const VISITORS = 64;
/** The first of all sessions: several visitors write to one of them at the same time, in both processes. */
const HOT_SESSIONS = 10;
/** Of ten requests, six look, three count, and one counts in a hot session. */
const COUNT_FROM = 0.6;
const HOT_FROM = 0.9;

/** Very many sessions of each contender; all of them are looked at in the end. */
export async function measureStores(
  { contenders, ...plan }: StoresPlan,
  progress: (text: string) => void,
): Promise<StoresRow[]> {
  const rows: StoresRow[] = [];
  for (const contender of contenders) {
    const isInRedis = contender.endsWith('redis');
    const store = await (isInRedis ? startRedis() : startPostgres());
    const at = { [isInRedis ? 'redis' : 'postgres']: store.url };
    const { processes } = plan;
    const server = await CrowdServer.start({ memcached: '', ...at, contender, processes });
    try {
      const run = new StoreRun(server, plan, (text) => progress(`${contender}: ${text}`));
      const row = { contender, ...(await run.run()) };
      progress(JSON.stringify(row));
      rows.push(row);
    } finally {
      await server.stop();
      await store.stop();
    }
  }
  return rows;
}

class StoreRun {
  private readonly cookies: string[];
  /** By session: writes with an answer of 200, and those with another one, which may be stored as well. */
  private readonly acknowledged: Uint32Array;
  private readonly unsure: Uint32Array;
  private requests = 0;
  private writes = 0;
  private refused = 0;
  private mixedUp = 0;

  constructor(
    private readonly server: CrowdServer,
    private readonly plan: Omit<StoresPlan, 'contenders'>,
    private readonly progress: (text: string) => void,
  ) {
    this.cookies = new Array<string>(plan.sessions);
    this.acknowledged = new Uint32Array(plan.sessions);
    this.unsure = new Uint32Array(plan.sessions);
  }

  async run(): Promise<Omit<StoresRow, 'contender'>> {
    const { port } = this.server;
    const visitors = await Promise.all(
      Array.from({ length: VISITORS }, () => RawVisitor.open(port)),
    );
    try {
      this.progress(`${this.plan.sessions} sessions are made`);
      await this.withEach(visitors, (visitor, session) => this.join(visitor, session));
      this.progress(`${this.plan.minutes} min of requests`);
      const load = await this.load(visitors);
      this.progress('all sessions are looked at');
      const ends = { lostWrites: 0, surplusWrites: 0, lostSessions: 0 };
      await this.withEach(visitors, async (visitor, session) => {
        const count = await this.look(visitor, session);
        if (count === undefined) ends.lostSessions++;
        else {
          const wanted = this.acknowledged[session]!;
          ends.lostWrites += Math.max(0, wanted - count);
          ends.surplusWrites += Math.max(0, count - wanted - this.unsure[session]!);
        }
      });
      return { ...load, ...ends, mixedUp: this.mixedUp };
    } finally {
      for (const visitor of visitors) visitor.leave();
    }
  }

  private async load(visitors: readonly RawVisitor[]) {
    const latencies = createHistogram();
    const cpuBefore = (await this.server.figures()).cpuMicros;
    const begun = performance.now();
    const end = begun + this.plan.minutes * 60_000;
    await Promise.all(
      visitors.map(async (visitor) => {
        while (performance.now() < end) {
          const asked = performance.now();
          await this.ask(visitor);
          latencies.record(Math.max(1, Math.round((performance.now() - asked) * 1000)));
          this.requests++;
        }
      }),
    );
    const seconds = (performance.now() - begun) / 1000;
    const { cpuMicros, outages } = await this.server.figures();
    const { requests, writes, refused } = this;
    return {
      ...{ requests, writes, refused, outages },
      requestsPerSecond: requests / seconds,
      cpuMicrosPerRequest: (cpuMicros - cpuBefore) / requests,
      p99: latencies.percentile(99) / 1000,
    };
  }

  private async ask(visitor: RawVisitor): Promise<void> {
    const kind = Math.random();
    const among = kind < HOT_FROM ? this.plan.sessions : HOT_SESSIONS;
    const session = Math.floor(Math.random() * among);
    if (kind < COUNT_FROM) await this.look(visitor, session);
    else await this.count(visitor, session);
  }

  private async join(visitor: RawVisitor, session: number): Promise<void> {
    const { cookie, status } = await answerTo(visitor, `/join?mark=${markOf(session)}`);
    if (status !== 200 || !cookie) {
      const { outages } = await this.server.figures();
      throw new Error(`${markOf(session)} got no session: ${status} (${outages.join(' | ')})`);
    }
    this.cookies[session] = cookie;
  }

  /** What it has counted. `undefined`: there is no such session, or no answer. */
  private async look(visitor: RawVisitor, session: number): Promise<number | undefined> {
    const { status, body } = await answerTo(visitor, '/look', this.cookies[session]);
    if (status !== 200) {
      this.refused++;
      return undefined;
    }
    const { mark, count } = JSON.parse(body) as { mark?: string; count?: number };
    if (mark !== undefined && mark !== markOf(session)) this.mixedUp++;
    return count;
  }

  private async count(visitor: RawVisitor, session: number): Promise<void> {
    const { status } = await answerTo(visitor, '/count', this.cookies[session]);
    if (status === 200) {
      this.acknowledged[session]!++;
      this.writes++;
    } else {
      this.unsure[session]!++;
      this.refused++;
    }
  }

  /** Calls `work` once for each session, by all visitors at a time. */
  private async withEach(
    visitors: readonly RawVisitor[],
    work: (visitor: RawVisitor, session: number) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    await Promise.all(
      visitors.map(async (visitor) => {
        while (next < this.plan.sessions) await work(visitor, next++);
      }),
    );
  }
}

async function answerTo(visitor: RawVisitor, path: string, cookie?: string): Promise<Answer> {
  const answer = await visitor.ask(path, cookie);
  if (!answer) throw new Error(`The connection was closed: ${path}`);
  return answer;
}

function markOf(session: number): string {
  return `visitor-${session}`;
}
