/** A clock that stands still until a test moves it, so that tests do not have to wait for timeouts. */
export class TestClock {
  private time: number;

  /** Starts at this time. Default: 1 January 2026, 00:00 UTC. */
  constructor(begin = new Date('2026-01-01T00:00:00Z')) {
    this.time = begin.getTime();
  }

  /** Milliseconds since 1970. Bound, so that it can be passed as a function. */
  readonly now = (): number => this.time;

  /** Moves the clock forward by this many seconds. */
  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}
