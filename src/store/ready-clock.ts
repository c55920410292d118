/** Ticks within one timeout: how finely a deadline is measured. */
const TICKS = 20;

/** How many ticks one turn of the event loop can add, however long it takes. */
const MOST_TICKS_A_TURN = 2;

/**
 * Measures how long a server has had to answer, in milliseconds in which this process could have read
 * the answer.
 *
 * While the event loop is blocked, starved of CPU time or busy with thousands of requests, answers lie
 * unread in their sockets, and elapsed time says nothing about the server. So this clock runs with the
 * monotonic clock, but each turn of the event loop adds a tenth of the timeout at most.
 */
export class ReadyClock {
  private readonly tickMs: number;
  private time = 0;
  private tickedAt = 0;
  private timer: NodeJS.Timeout | undefined;

  /**
   * `onTick` is called while the clock runs, several times within each timeout. `monotonic`:
   * milliseconds by a clock that nobody sets.
   */
  constructor(
    timeout: number,
    private readonly onTick: () => void,
    private readonly monotonic: () => number = () => performance.now(),
  ) {
    this.tickMs = Math.max(1, timeout / TICKS);
  }

  /** It runs only while somebody waits; starting it again changes nothing. */
  start(): void {
    if (this.timer) return;
    this.tickedAt = this.monotonic();
    // What somebody waits for keeps the process alive by itself.
    this.timer = setInterval(() => this.tick(), this.tickMs).unref();
  }

  stop(): void {
    if (!this.timer) return;
    this.time = this.now();
    clearInterval(this.timer);
    this.timer = undefined;
  }

  now(): number {
    if (!this.timer) return this.time;
    const elapsed = this.monotonic() - this.tickedAt;
    return this.time + Math.min(elapsed, this.tickMs * MOST_TICKS_A_TURN);
  }

  private tick(): void {
    this.time = this.now();
    this.tickedAt = this.monotonic();
    this.onTick();
  }
}
