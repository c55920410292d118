import { DeadlineError, OverloadError } from './deadline-error.js';
import { Queue } from './queue.js';
import { ReadyClock } from './ready-clock.js';

/** How long a call of a store's client may take, in milliseconds. */
const TIMEOUT = 500;

/** How many calls a client gets at a time. */
const MAX_PARALLEL = 100;

/** After this many timeouts a call is late even if the store answers others. */
const PATIENCE = 4;

/** How many calls may wait for these: far more than a busy application needs. */
const MAX_WAITING = 100_000;

interface Call {
  readonly begin: () => void;
  readonly reject: (error: Error) => void;
  /** When it was asked for, by the clock: a silent or failing store is late from then on. */
  readonly since: number;
  /** When it was made. Until then it waits for others, which may take long while the store answers. */
  madeAt: number;
}

/** Too many calls wait for the store. This one was not made. */
export class TooManyCallsError extends OverloadError {
  constructor() {
    super('Too many calls wait for the store, so this one was not made.');
  }
}

/**
 * Calls of another library's client, such as one for Redis or Postgres: a limited number at a time, each with
 * a deadline. Further calls wait here and not in the client, so that waiting does not count against the
 * store.
 *
 * A call is late if the store has answered no call for the timeout, measured by a `ReadyClock`, or has not
 * answered this one for four times as long. While others are answered, the call may wait for one of the
 * client's connections, each of which a busy process serves only once in a turn of the event loop.
 *
 * A call that still waits to be made is late after the timeout if the store has answered nothing, or if more
 * calls fail than are answered: then connections that break again and again, not a crowd, hold it up.
 */
export class BoundedCalls {
  private readonly running = new Set<Call>();
  private readonly waiting = new Queue<Call>();
  private readonly clock: ReadyClock;
  private answeredAt = -Infinity;
  /** Rises with each call that fails, up to `maxParallel`, and falls with each that is answered. */
  private failures = 0;

  constructor(
    readonly timeout = TIMEOUT,
    private readonly maxParallel = MAX_PARALLEL,
  ) {
    this.clock = new ReadyClock(timeout, () => this.checkDeadlines());
  }

  /** The time of the deadlines, in milliseconds. */
  now(): number {
    this.clock.start();
    return this.clock.now();
  }

  /**
   * Makes a call as soon as fewer than `maxParallel` others run. Rejects with a `DeadlineError` if it is
   * late: if it was made, it cannot be revoked; if not, it is not made any more.
   *
   * `mayRepeat`: whether a call that fails with this error is made once more, within the same deadline and
   * without waiting again.
   */
  run<T>(call: () => Promise<T>, mayRepeat?: (error: unknown) => boolean): Promise<T> {
    if (this.waiting.length >= MAX_WAITING) return Promise.reject(new TooManyCallsError());
    return new Promise<T>((resolve, reject) => {
      let isRepeated = false;
      const since = this.now();
      const entry: Call = {
        begin: () => {
          // A client may throw instead of rejecting.
          new Promise<T>((made) => made(call())).then(
            (value) => {
              this.answeredAt = this.clock.now();
              if (this.failures > 0) this.failures--;
              this.end(entry);
              resolve(value);
            },
            (error: Error) => {
              this.failures = Math.min(this.failures + 1, this.maxParallel);
              if (!isRepeated && this.hasTime(entry) && mayRepeat?.(error)) {
                isRepeated = true;
                entry.begin();
                return;
              }
              this.end(entry);
              reject(error);
            },
          );
        },
        reject,
        since,
        madeAt: since,
      };
      if (this.running.size < this.maxParallel) this.begin(entry);
      else this.waiting.push(entry);
    });
  }

  private begin(entry: Call): void {
    entry.madeAt = this.now();
    this.running.add(entry);
    entry.begin();
  }

  private end(entry: Call): void {
    if (this.running.delete(entry)) this.beginNext();
  }

  private beginNext(): void {
    const next = this.waiting.shift();
    if (next) this.begin(next);
  }

  private checkDeadlines(): void {
    if (this.running.size === 0) return this.clock.stop();
    const first = this.waiting.peek();
    if (this.lateCalls().length === 0 && !(first && this.hasWaitedTooLong(first))) return;
    // Runs after the event loop has read what has arrived.
    setImmediate(() => {
      for (const entry of this.lateCalls()) {
        this.running.delete(entry);
        entry.reject(new DeadlineError(this.timeout));
      }
      this.refuseWaiting();
      while (this.running.size < this.maxParallel && this.waiting.length > 0) this.beginNext();
    });
  }

  private refuseWaiting(): void {
    for (let next = this.waiting.peek(); next; next = this.waiting.peek()) {
      if (!this.hasWaitedTooLong(next)) return;
      this.waiting.shift();
      next.reject(new DeadlineError(this.timeout));
    }
  }

  private hasWaitedTooLong({ since }: Call): boolean {
    const isFailing = this.failures > this.maxParallel / 2;
    return (
      this.clock.now() - (isFailing ? since : Math.max(since, this.answeredAt)) >= this.timeout
    );
  }

  /** Whether a call that has failed may be made again: it is not late, and its time is not over. */
  private hasTime(entry: Call): boolean {
    return this.running.has(entry) && this.clock.now() - entry.madeAt < this.timeout;
  }

  private lateCalls(): Call[] {
    return [...this.running].filter((entry) => this.isLate(entry));
  }

  private isLate({ since, madeAt }: Call): boolean {
    const now = this.clock.now();
    const isSilent = now - Math.max(since, this.answeredAt) >= this.timeout;
    return isSilent || now - madeAt >= this.timeout * PATIENCE;
  }
}
