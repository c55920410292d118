/** Something that is about to happen to one thread, and happens when the scheduler says so. */
export interface Event {
  readonly what: () => string;
  /** To what is said. */
  readonly isAnswer?: boolean;
  /** A thread that is let run stops before it: until the schedule names the thread again. */
  readonly isWait?: boolean;
  /** `true`: code that waited for it continues now. */
  happen(): boolean | void;
  /** What was asked for is lost, or its answer is. Absent: this cannot fail. */
  readonly fail?: (how: Failure) => void;
  /** What happens elsewhere even if the process that asked for it is gone. */
  readonly arriveLate?: () => void;
}

/** `late`: it is reported as failed, and takes effect afterwards. */
export type Failure = 'lost' | 'late';

/** What runs in one process on behalf of one request, and the events that it waits for, in their order. */
export class Thread {
  readonly events: Event[] = [];
  /** How many of them have happened. */
  steps = 0;
  isDead = false;

  constructor(readonly name: string) {}
}

/** More events than any request waits for that ends, with those that wait for the same. */
const MOST_STEPS = 4000;

/** The real one: what it calls back is behind all microtasks. */
const { setImmediate } = globalThis;

/**
 * Owns everything that is asynchronous: each answer, each back-off, each `setImmediate()` of the code
 * under test is a pending event. Nothing happens by itself, and nothing takes time.
 */
export class Scheduler {
  /** Whose code runs now. What it waits for is its own. */
  current = new Thread('nobody');
  /** Whose code has run since time passed. */
  readonly active = new Set<Thread>();
  /** Late effects: of no thread any more. */
  readonly strays: (() => void)[] = [];
  /** Counts the moments, to compare which one came first. */
  tick = 0;
  /** When something failed, and why: all that was lost, late or down. */
  readonly faults: number[] = [];
  /** A call that does not end. */
  onEndless: (thread: Thread) => void = () => undefined;

  /** Runs code on behalf of a thread, until all of it waits. */
  async run(thread: Thread, work: () => void): Promise<void> {
    this.current = thread;
    this.active.add(thread);
    this.tick++;
    work();
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  add(event: Event): void {
    if (!this.current.isDead) this.current.events.push(event);
  }

  /** Lets an event happen. */
  async step(thread: Thread, pick = 0): Promise<void> {
    const at = pick % thread.events.length;
    const event = thread.events[at]!;
    if (++thread.steps > MOST_STEPS) {
      this.onEndless(thread);
      kill(thread);
      return;
    }
    this.tick++;
    this.current = thread;
    this.active.add(thread);
    thread.events.splice(at, 1);
    if (event.happen() === false) return;
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  /** How often something failed since then. */
  faultsSince(tick: number): number {
    return this.faults.filter((at) => at >= tick).length;
  }

  failed(): void {
    this.faults.push(this.tick);
  }

  /** What comes of `setTimeout(…)` of `node:timers/promises`. */
  readonly delay = (): Promise<void> =>
    new Promise((resolve) =>
      this.add({ what: () => 'continues after a back-off', happen: resolve }),
    );

  readonly immediate = (action: () => void): void =>
    this.add({ what: () => 'continues after a setImmediate()', happen: action });
}

export function kill(thread: Thread): void {
  thread.isDead = true;
  thread.events.length = 0;
}
