/** The maximum number of rows that one statement removes, so that it does not take long. */
export const BATCH = 1000;

/** The maximum number of statements in one run. The next run, or another process, removes the rest. */
const MAX_BATCHES = 20;

/** Each interval varies by up to this share, so that processes do not run at the same time. */
const JITTER = 0.2;

/**
 * Removes expired rows at intervals. Any number of processes may do so at once. A failure does no harm:
 * expired rows are not read, and the next run may succeed.
 */
export class CleanUp {
  private timer: NodeJS.Timeout | undefined;
  private isRunning = false;

  /** `removeBatch`: removes at most `BATCH` rows and returns their number. */
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
      // The operations of requests report an outage.
    }
    if (this.isRunning) this.wait(seconds);
  }
}
