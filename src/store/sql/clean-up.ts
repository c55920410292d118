/** Rows that one statement removes at most, so that none takes long. */
export const BATCH = 1000;

/** Statements at a time, at most. What is left waits for the next time, or is another process's. */
const MAX_BATCHES = 20;

/** Each wait differs by up to this share, so that many processes do not come at once. */
const JITTER = 0.2;

/**
 * Removes rows whose life is over, from time to time. Any number of processes may do so at once. That it
 * fails harms nobody: expired rows are not read, and the next time may succeed.
 */
export class CleanUp {
  private timer: NodeJS.Timeout | undefined;
  private isRunning = false;

  /** `removeBatch`: removes some, at most `BATCH`, and answers how many. */
  constructor(
    private readonly every: number | false,
    private readonly removeBatch: () => Promise<number>,
  ) {}

  start(): void {
    if (this.every === false || this.isRunning) return;
    this.isRunning = true;
    this.wait(this.every);
  }

  stop(): void {
    this.isRunning = false;
    clearTimeout(this.timer);
  }

  private wait(seconds: number): void {
    const milliseconds = seconds * 1000 * (1 - JITTER * Math.random());
    this.timer = setTimeout(() => void this.run(seconds), milliseconds).unref();
  }

  private async run(seconds: number): Promise<void> {
    try {
      for (let batch = 1; batch <= MAX_BATCHES && this.isRunning; batch++) {
        if ((await this.removeBatch()) < BATCH) break;
      }
    } catch {
      // An outage is told by those who need the store.
    }
    if (this.isRunning) this.wait(seconds);
  }
}
