import { createHistogram } from 'node:perf_hooks';

import type { BurstSeen } from './burst-messages.js';
import type { Answer } from './visitor.js';

/** How many bodies are reported at most. */
const MOST_STRANGE = 5;

/** Counts what the clients of a burst see. */
export class BurstTally {
  private readonly begin = performance.now();
  private readonly cpuBefore = process.cpuUsage();
  private lastAt = this.begin;
  private answers = 0;
  private clientMicros = 0;
  private readonly latencies = createHistogram();
  private readonly others: Record<string, number> = {};
  private readonly bySecond: number[] = [];
  private readonly strange = new Set<string>();
  private served = 0;
  private unavailable = 0;
  private connectionErrors = 0;
  private wrong = 0;

  /** `isRight`: whether an answer with a 200 is right, as far as the client can know. */
  count(answer: Answer | undefined, began: number, isRight: boolean): void {
    this.lastAt = performance.now();
    if (answer) this.answers++;
    if (!answer) {
      this.connectionErrors++;
    } else if (answer.status === 200) {
      this.countServed(this.lastAt - began);
      if (!isRight) this.wrong++;
    } else if (answer.status === 503) {
      this.unavailable++;
    } else {
      this.others[answer.status] = (this.others[answer.status] ?? 0) + 1;
    }
    const isStrange = answer && (answer.status !== 200 || !isRight);
    if (isStrange && this.strange.size < MOST_STRANGE) this.strange.add(answer.body);
  }

  get lastAnswerAt(): number {
    return this.lastAt;
  }

  /** Before `seen()`, as soon as the last one was answered. */
  end(): void {
    const { user, system } = process.cpuUsage(this.cpuBefore);
    this.clientMicros = (user + system) / Math.max(1, this.answers);
  }

  seen(clients: number, recovery: number | null): BurstSeen {
    const { served, unavailable, others, connectionErrors, wrong, latencies } = this;
    const milliseconds = (micros: number): number => (served ? micros / 1000 : 0);
    return {
      clients,
      seconds: (this.lastAt - this.begin) / 1000,
      ...{ served, unavailable, others, connectionErrors, wrong },
      strange: [...this.strange],
      // A second without an answer is a hole in it.
      bySecond: Array.from(this.bySecond, (count) => count ?? 0),
      p50: milliseconds(latencies.percentile(50)),
      p99: milliseconds(latencies.percentile(99)),
      max: milliseconds(latencies.max),
      clientMicros: this.clientMicros,
      recovery,
    };
  }

  private countServed(took: number): void {
    this.served++;
    this.latencies.record(Math.max(1, Math.round(took * 1000)));
    const second = Math.floor((this.lastAt - this.begin) / 1000);
    this.bySecond[second] = (this.bySecond[second] ?? 0) + 1;
  }
}
