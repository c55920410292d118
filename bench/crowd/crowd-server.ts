import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { letGo, nextMessage } from '../measuring/child-messages.js';
import { pin } from '../measuring/pinning.js';
import type { Platform } from '../contenders.js';
import type { CrowdContender } from '../servers/crowd.app.js';
import type { CrowdOrder, ListeningMessage, ProcessFigures } from '../servers/messages.js';

const MAIN = fileURLToPath(new URL('../servers/crowd-main.js', import.meta.url));

export interface CrowdServerOptions {
  readonly memcached: string;
  /** For those who keep their sessions there. */
  readonly postgres?: string;
  readonly redis?: string;
  readonly contender?: CrowdContender;
  /** Default: Express. */
  readonly platform?: Platform;
  /** Default: 1. */
  readonly processes?: number;
  /** Keeps all its processes on one core. Default: wherever the system puts them. */
  readonly core?: number;
}

/** The processes that serve a crowd, behind one port. */
export class CrowdServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly log: () => string,
    readonly port: number,
  ) {}

  static async start(options: CrowdServerOptions): Promise<CrowdServer> {
    const { memcached, postgres = '', redis = '', core } = options;
    const { contender = 'ours', platform = 'express', processes = 1 } = options;
    const order: CrowdOrder = {
      contender,
      platform,
      processes,
      stores: { memcached, postgres, redis },
    };
    const child = fork(MAIN, [JSON.stringify(order)], {
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    // Its workers, forked later, inherit the core.
    if (core !== undefined && child.pid) pin(child.pid, core);
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const log = () => text;
    const { port } = await nextMessage<ListeningMessage>(child, log);
    return new CrowdServer(child, log, port);
  }

  /** What its processes have used so far, all together. */
  figures(): Promise<ProcessFigures> {
    return this.ask('figures');
  }

  /** The same after a garbage collection: what it really holds. */
  figuresCollected(): Promise<ProcessFigures> {
    return this.ask('collect');
  }

  stop(): Promise<void> {
    return letGo(this.child);
  }

  private async ask(question: string): Promise<ProcessFigures> {
    const answer = nextMessage<ProcessFigures[]>(this.child, this.log);
    this.child.send(question);
    return (await answer).reduce(together);
  }
}

function together(one: ProcessFigures, other: ProcessFigures): ProcessFigures {
  return {
    cpuMicros: one.cpuMicros + other.cpuMicros,
    rss: one.rss + other.rss,
    heapUsed: one.heapUsed + other.heapUsed,
    loopDelay: {
      p99: Math.max(one.loopDelay.p99, other.loopDelay.p99),
      max: Math.max(one.loopDelay.max, other.loopDelay.max),
    },
    outages: [...one.outages, ...other.outages],
  };
}
