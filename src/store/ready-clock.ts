/** Ticks within one timeout: the precision of a deadline. */
const TICKS = 20;

/** The most ticks that one turn of the event loop adds, however long it takes. */
const MOST_TICKS_A_TURN = 2;

/**
 * Measures how long a server takes to answer, in milliseconds in which this process could have read the
 * answer.
 *
 * While the event loop is blocked, gets no CPU time or serves thousands of requests, answers stay unread in
 * their sockets, and the elapsed time says nothing about the server. So this clock runs with the monotonic
 * clock, but each turn of the event loop adds at most a tenth of the timeout.
 */
export class ReadyClock {
  private readonly tickMs: number;
  private time = 0;
  private tickedAt = 0;
  private timer: NodeJS.Timeout | undefined;

  /**
   * `onTick` is called while the clock runs, several times within each timeout. `monotonic`:
   * milliseconds by a clock that is never set.
   */
  constructor(
    timeout: number,
    private readonly onTick: () => void,
    private readonly monotonic: () => number = () => performance.now(),
  ) {
    this.tickMs = Math.max(1, timeout / TICKS);
  }

  /** Starts the clock, which should run only while an operation waits. Starting it again changes nothing. */
  start(): void {
    if (this.timer) return;
    this.tickedAt = this.monotonic();
    // The operation itself keeps the process alive.
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
