import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../support/faults-server.mjs', import.meta.url));

export type Contender = 'ours' | 'express-session';

/** Where an application keeps its sessions: in one of these, or in memcached with a durable tier in Postgres. */
export interface StoresOfApp {
  /** `host:port` */
  readonly memcached?: string;
  /** A URL. */
  readonly redis?: string;
  /** A URL; with the client `iovalkey`. */
  readonly valkey?: string;
  /** A URL. */
  readonly postgres?: string;
}

export interface AppSettings {
  readonly contender: Contender;
  readonly stores: StoresOfApp;
  /** Default: Express. */
  readonly platform?: 'express' | 'fastify';
  /** By Nest's `useProcessExit`: with code 0, not by the signal once more. */
  readonly exits?: boolean;
}

/** What an application's process reports. */
export interface Figures {
  /** Bytes. */
  readonly heapUsed: number;
  /** Connections it has made. */
  readonly connects: number;
  /** Warnings and errors. */
  readonly logged: readonly string[];
  /** Requests to the route `wait` that are being handled. */
  readonly waiting: number;
  readonly isListening: boolean;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real application in a process of its own; started again it has the same port. */
export class FaultsApp {
  port = 0;
  private process: ChildProcess | undefined;
  private exit: Promise<Exit> | undefined;

  constructor(private readonly settings: AppSettings) {}

  async start(): Promise<void> {
    const { contender, stores, platform = 'express', exits = false } = this.settings;
    const ending = exits ? 'exit' : 'signal';
    const args = [contender, JSON.stringify(stores), String(this.port), platform, ending];
    const child = fork(SCRIPT, args, {
      // Without the flags that Jest runs with.
      execArgv: ['--expose-gc'],
      env: { ...process.env, NODE_ENV: 'test', NODE_OPTIONS: '' },
    });
    this.process = child;
    this.exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    this.port = (await this.message<{ port: number }>()).port;
  }

  get hasEnded(): boolean {
    const { exitCode, signalCode } = this.process!;
    return exitCode !== null || signalCode !== null;
  }

  /** After a garbage collection, if requested. */
  figures({ collects = false } = {}): Promise<Figures> {
    return this.ask({ collects });
  }

  /** Lets the waiting requests continue. */
  async release(): Promise<void> {
    await this.ask({ release: true });
  }

  /** Sets its clock to the real time plus this number of milliseconds. */
  async setClock(offset: number): Promise<void> {
    await this.ask({ clockOffset: offset });
  }

  /** Blocks its event loop for this number of milliseconds; resolves when it runs again. */
  async block(milliseconds: number): Promise<void> {
    await this.ask({ block: milliseconds });
  }

  /** Returns how it ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit> {
    this.process!.kill(signal);
    return this.exit!;
  }

  async stop(): Promise<void> {
    if (this.process?.connected) this.process.disconnect();
    await this.exit;
  }

  private ask(question: object): Promise<Figures> {
    const answer = this.message<Figures>();
    this.process!.send(question);
    return answer;
  }

  private async message<T>(): Promise<T> {
    const ended = this.exit!.then(({ code, signal }) => {
      throw new Error(`the application has ended: ${code ?? signal}`);
    });
    const [message] = (await Promise.race([once(this.process!, 'message'), ended])) as [T];
    return message;
  }
}
