/** A clock that stands still until it is moved. */
export class Clock {
  private time = Date.UTC(2026, 0, 1);

  /** Milliseconds since 1970; bound, so that it can be passed on. */
  readonly now = (): number => this.time;

  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}
