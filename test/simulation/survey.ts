import fc from 'fast-check';

import { kindOf } from './reduction.js';
import { schedule } from './schedule.js';
import { Simulation } from './simulation.js';
import { tell } from './tell.js';

/** How many schedules share a seed. The seed and its place in them find a failure again. */
const BATCH = 10_000;

/** Plays random schedules, continues after a failure, and counts each kind. */
export class Survey {
  private readonly kinds = new Map<string, number>();
  private readonly begun = Date.now();
  private played = 0;

  constructor(private readonly print: (text: string) => void) {}

  /** `seed`: of the first batch. The others follow. Returns what it found. */
  async play(schedules: number, seed: number): Promise<string[]> {
    for (let batch = 0; this.played < schedules; batch++) {
      await this.playBatch(Math.min(BATCH, schedules - this.played), (seed + batch) | 0);
      this.print(`${this.summary().join('\n')}\n`);
    }
    return this.summary().slice(1);
  }

  private async playBatch(numRuns: number, seed: number): Promise<void> {
    let at = 0;
    const property = fc.asyncProperty(schedule, async (planned) => {
      const path = at++;
      this.played++;
      const [problem] = await new Simulation(planned).play();
      if (problem === undefined) return;
      const kind = kindOf(problem);
      const times = (this.kinds.get(kind) ?? 0) + 1;
      this.kinds.set(kind, times);
      this.print(`SIMULATE_SEED=${seed} SIMULATE_PATH=${path}: ${problem}\n`);
      if (times === 1) this.print(`${await tell(planned, problem)}\n`);
    });
    await fc.assert(property, { numRuns, seed });
  }

  private summary(): string[] {
    const minutes = (Date.now() - this.begun) / 60_000;
    const rate = Math.round(this.played / minutes);
    const kinds = [...this.kinds].map(([kind, times]) => `${times} × ${kind}`);
    return [
      `${this.played} schedules, ${rate} a minute, ${kinds.length} kinds of failures`,
      ...kinds,
    ];
  }
}
