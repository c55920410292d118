import { DeadlineError, OverloadError } from './deadline-error.js';
import { Queue } from './queue.js';
import { ReadyClock } from './ready-clock.js';

/** Milliseconds that one call of a store's client may take. */
const TIMEOUT = 500;

/** Calls that a client has at a time. */
const MAX_UNDER_WAY = 100;

/** Time-outs after which a call is late even though the store answers others. */
const PATIENCE = 4;

/** Calls that may wait beyond these: far more than a crowd makes wait. */
const MAX_WAITING = 100_000;

interface Call {
  readonly begin: () => void;
  readonly reject: (error: Error) => void;
  /** Since when the store has owed the answer, by the clock. */
  since: number;
}

/** Too many calls wait for the store already; this one was not made. */
export class TooManyCallsError extends OverloadError {
  constructor() {
    super('Too many calls wait for the store, so this one was not made.');
  }
}

/**
 * Calls of a client that is not ours, such as one for Redis or Postgres: so many at a time, each with a
 * deadline. Others wait here, and not in the client, so that their waiting is not held against the store.
 *
 * A call is late if the store has answered nothing for the time-out, measured by a `ReadyClock`, or not
 * this one for four times as long. While other calls are answered, it may be waiting for one of the
 * client's connections, each of which a busy process serves once in a turn of the event loop.
 */
export class BoundedCalls {
  private readonly underWay = new Set<Call>();
  private readonly waiting = new Queue<Call>();
  private readonly clock: ReadyClock;
  private answeredAt = -Infinity;

  constructor(
    private readonly timeout = TIMEOUT,
    private readonly maxUnderWay = MAX_UNDER_WAY,
  ) {
    this.clock = new ReadyClock(timeout, () => this.checkDeadlines());
  }

  /**
   * Makes a call when it is its turn. Rejects with a `DeadlineError` if it is late; a call that has been
   * made cannot be called back, any other is not made any more.
   */
  run<T>(call: () => Promise<T>): Promise<T> {
    if (this.waiting.length >= MAX_WAITING) return Promise.reject(new TooManyCallsError());
    return new Promise<T>((resolve, reject) => {
      this.clock.start();
      const entry: Call = {
        begin: () => {
          // A client may throw instead of rejecting.
          new Promise<T>((made) => made(call())).then(
            (value) => {
              this.answeredAt = this.clock.now();
              this.end(entry);
              resolve(value);
            },
            (error: Error) => {
              this.end(entry);
              reject(error);
            },
          );
        },
        reject,
        since: this.clock.now(),
      };
      if (this.underWay.size < this.maxUnderWay) this.begin(entry);
      else this.waiting.push(entry);
    });
  }

  private begin(entry: Call): void {
    entry.since = this.clock.now();
    this.underWay.add(entry);
    entry.begin();
  }

  private end(entry: Call): void {
    if (this.underWay.delete(entry)) this.beginNext();
  }

  private beginNext(): void {
    const next = this.waiting.shift();
    if (next) this.begin(next);
  }

  private checkDeadlines(): void {
    if (this.underWay.size === 0) return this.clock.stop();
    if (this.lateCalls().length === 0) return;
    // Behind the poll for what has arrived.
    setImmediate(() => {
      for (const entry of this.lateCalls()) {
        this.underWay.delete(entry);
        entry.reject(new DeadlineError(this.timeout));
      }
      this.refuseWaiting();
      while (this.underWay.size < this.maxUnderWay && this.waiting.length > 0) this.beginNext();
    });
  }

  /** Those that have waited for as long as the store has answered nothing. */
  private refuseWaiting(): void {
    for (let next = this.waiting.peek(); next; next = this.waiting.peek()) {
      if (this.clock.now() - Math.max(next.since, this.answeredAt) < this.timeout) return;
      this.waiting.shift();
      next.reject(new DeadlineError(this.timeout));
    }
  }

  private lateCalls(): Call[] {
    const late: Call[] = [];
    for (const entry of this.underWay) {
      if (!this.isLate(entry)) break; // those after it were made later
      late.push(entry);
    }
    return late;
  }

  private isLate({ since }: Call): boolean {
    const now = this.clock.now();
    const isSilent = now - Math.max(since, this.answeredAt) >= this.timeout;
    return isSilent || now - since >= this.timeout * PATIENCE;
  }
}
