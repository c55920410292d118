import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { ContenderName } from '../contenders.js';
import type { CpuMessage, ListeningMessage, ServerMessage } from '../servers/messages.js';
import { letGo, nextMessage } from './child-messages.js';
import { pin, SERVER_CORE } from './pinning.js';

const SERVER_MAIN = fileURLToPath(new URL('../servers/main.js', import.meta.url));

export interface ServerSettings {
  readonly memcached: string;
  readonly postgres: string;
  readonly redis: string;
  /** Where to write a CPU profile of each server. */
  readonly cpuProfiles?: string | undefined;
}

/** The process that serves a contender. */
export class ContenderServer {
  private log = '';

  private constructor(
    private readonly name: ContenderName,
    private readonly child: ChildProcess,
  ) {
    child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
  }

  port = 0;
  isPinned = false;

  static async start(name: ContenderName, settings: ServerSettings): Promise<ContenderServer> {
    const { memcached, postgres, redis, cpuProfiles } = settings;
    const child = fork(SERVER_MAIN, [name, memcached, postgres, redis], {
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: cpuProfiles
        ? ['--cpu-prof', `--cpu-prof-dir=${cpuProfiles}`, `--cpu-prof-name=${name}.cpuprofile`]
        : [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    const server = new ContenderServer(name, child);
    ({ port: server.port } = await server.message<ListeningMessage>());
    server.isPinned = child.pid !== undefined && pin(child.pid, SERVER_CORE);
    return server;
  }

  /** Microseconds of CPU time that the process has taken so far, by the operating system. */
  async cpuMicros(): Promise<number> {
    const answer = this.message<CpuMessage>();
    this.child.send('cpu');
    return (await answer).cpuMicros;
  }

  stop(): Promise<void> {
    return letGo(this.child);
  }

  private message<T extends ServerMessage>(): Promise<T> {
    return nextMessage(this.child, () => `${this.name}: ${this.log}`);
  }
}
