/** A clock that stands still until it is moved, so that tests need not wait for sessions to run out. */
export class TestClock {
  private time: number;

  /** Starts at this time. Default: 1 January 2026, 00:00 UTC. */
  constructor(begin = new Date('2026-01-01T00:00:00Z')) {
    this.time = begin.getTime();
  }

  /** Milliseconds since 1970. Bound, so that it can be passed on by itself. */
  readonly now = (): number => this.time;

  /** Moves the clock forward by this many seconds. */
  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}
