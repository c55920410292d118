/** Milliseconds. */
export const TICK = 10;

interface Interval {
  readonly every: number;
  readonly action: () => void;
  next: number;
}

/** The real ones: streams and promises know no other time. */
const { setImmediate, setInterval, clearInterval, performance } = globalThis;

/** Time that passes when the test says so, for what is timed by intervals. Nothing really waits for it. */
export class VirtualTime {
  ticks = 0;
  private readonly due = new Map<number, (() => void)[]>();
  private readonly intervals = new Set<Interval>();
  private immediates: (() => void)[] = [];

  /** Whether something is timed. */
  get isTiming(): boolean {
    return this.intervals.size > 0;
  }

  /** Until `VirtualTime.end`, or until another one begins. */
  begin(): void {
    Object.assign(globalThis, {
      setImmediate: (action: () => void) => void this.immediates.push(action),
      setInterval: (action: () => void, every: number) => this.addInterval(action, every),
      clearInterval: (interval: Interval) => this.intervals.delete(interval),
      performance: { now: () => this.ticks * TICK },
    });
  }

  static end(): void {
    Object.assign(globalThis, { setImmediate, setInterval, clearInterval, performance });
  }

  readonly after = (ticks: number, action: () => void): void => {
    if (ticks === 0) return action();
    const at = this.ticks + ticks;
    const actions = this.due.get(at);
    if (actions) actions.push(action);
    else this.due.set(at, [action]);
  };

  /** Lets everything happen that is due before the next tick: behind the reading, what is immediate. */
  async turn(): Promise<void> {
    do {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      const { immediates } = this;
      this.immediates = [];
      for (const action of immediates) action();
      if (immediates.length > 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    } while (this.immediates.length > 0);
  }

  async pass(ticks: number): Promise<void> {
    for (let tick = 0; tick < ticks; tick++) {
      this.ticks++;
      for (const interval of this.intervals) this.callIfDue(interval);
      const actions = this.due.get(this.ticks) ?? [];
      this.due.delete(this.ticks);
      for (const action of actions) action();
      if (actions.length > 0 || this.immediates.length > 0) await this.turn();
    }
  }

  private addInterval(action: () => void, every: number): Interval & { unref(): unknown } {
    const interval = { every, action, next: this.ticks * TICK + every, unref: () => interval };
    this.intervals.add(interval);
    return interval;
  }

  private callIfDue(interval: Interval): void {
    if (this.ticks * TICK < interval.next) return;
    interval.next += interval.every;
    interval.action();
  }
}
