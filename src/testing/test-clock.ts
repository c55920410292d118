/** A clock that stands still until it is moved, so that sessions run out without anybody waiting. */
export class TestClock {
  private time: number;

  /** Begins at this date. Default: the first of January 2026. */
  constructor(begin = new Date('2026-01-01T00:00:00Z')) {
    this.time = begin.getTime();
  }

  /** Milliseconds since 1970; bound, so that it can be passed on. */
  readonly now = (): number => this.time;

  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}
