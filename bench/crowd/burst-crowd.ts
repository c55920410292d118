import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { letGo, nextMessage } from '../measuring/child-messages.js';
import { pin } from '../measuring/pinning.js';
import type { BurstSeen, CrowdReport, CrowdTask, GatherTask } from '../visitors/burst-messages.js';

const MAIN = fileURLToPath(new URL('../visitors/burst-main.js', import.meta.url));

/** The process of the clients. */
export class BurstCrowd {
  private log = '';
  private readonly child: ChildProcess;

  /** `core`: where they run. */
  constructor(core: number) {
    this.child = fork(MAIN, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    if (this.child.pid) pin(this.child.pid, core);
  }

  async gather(whom: Omit<GatherTask, 'task'>): Promise<void> {
    await this.tell({ task: 'gather', ...whom });
  }

  async burst(clients: number, seconds: number): Promise<BurstSeen> {
    return (await this.tell({ task: 'burst', clients, milliseconds: seconds * 1000 })).seen!;
  }

  leave(): Promise<void> {
    return letGo(this.child);
  }

  private async tell(task: CrowdTask): Promise<CrowdReport> {
    const answer = nextMessage<CrowdReport>(this.child, () => this.log);
    this.child.send(task);
    const report = await answer;
    if (report.error) throw new Error(report.error);
    return report;
  }
}
