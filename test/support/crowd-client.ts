import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';

import type { SessionApp } from './session-app.js';

const SCRIPT = fileURLToPath(new URL('crowd-client.mjs', import.meta.url));

/** `$` in a path and in an expectation stands for the client's number. */
export interface CrowdRequest {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  /** In place of the client's own. */
  readonly cookie?: string;
  /** The body that means that the client was served; default: any. */
  readonly expected?: string;
}

/** The outcome of one request. */
export interface CrowdSeen {
  readonly path: string;
  /** `served`, the status of an error, or a description of the fault. */
  readonly outcome: string | number;
  /** Milliseconds since 1970, by a clock that no test sets. */
  readonly began: number;
  readonly took: number;
}

interface Answer {
  readonly id?: number;
  readonly result?: any;
  readonly error?: string;
}

/** Thousands of clients in a process of their own, with a connection each. */
export class CrowdClient {
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private lastId = 0;

  private constructor(
    private readonly process: ChildProcess,
    private readonly port: number,
  ) {
    process.on('message', (answer: Answer) => this.waiting.get(answer.id!)?.(answer));
    process.on('exit', () => {
      for (const answer of this.waiting.values()) answer({ error: 'the clients have ended' });
    });
  }

  static start({ app, url }: SessionApp): CrowdClient {
    // However long a busy machine lets the clients rest: no connection is closed for it.
    (app.getHttpServer() as Server).keepAliveTimeout = 0;
    // Without the flags that Jest runs with.
    const child = fork(SCRIPT, [], { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } });
    return new CrowdClient(child, Number(new URL(url).port));
  }

  /** Creates this number of clients; `join`, if given, begins a session for each. */
  async open(count: number, join?: CrowdRequest): Promise<void> {
    await this.tell('open', { port: this.port, count });
    if (!join) return;
    const seen = await this.ask(count, [join]);
    const strange = seen.find(({ outcome }) => outcome !== 'served');
    if (strange) throw new Error(`somebody could not join: ${JSON.stringify(strange)}`);
  }

  /**
   * This number of clients send one of the requests each, in turn, at the same moment; with `milliseconds`,
   * each sends the next one as soon as it is answered, for that time.
   */
  ask(count: number, requests: CrowdRequest[], milliseconds = 0): Promise<CrowdSeen[]> {
    return this.tell('ask', { count, requests, milliseconds });
  }

  /** Sends the requests in turn, `perSecond` a second, until `stop()` is called. */
  load(perSecond: number, requests: CrowdRequest[]): Promise<CrowdSeen[]> {
    return this.tell('load', { perSecond, requests });
  }

  async stop(): Promise<void> {
    await this.tell('stop', {});
  }

  async close(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.disconnect();
    await exited;
  }

  private async tell(task: string, settings: object): Promise<any> {
    const id = ++this.lastId;
    const answered = new Promise<Answer>((resolve) => this.waiting.set(id, resolve));
    this.process.send({ id, task, ...settings });
    const { result, error } = await answered;
    this.waiting.delete(id);
    if (error) throw new Error(error);
    return result;
  }
}

/** How often each outcome was seen. */
export function outcomesOf(seen: readonly CrowdSeen[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of seen) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** By the clock of the outcomes. */
export function crowdNow(): number {
  return performance.timeOrigin + performance.now();
}
