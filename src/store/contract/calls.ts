import type { SessionStore } from '../../session/storage/store.js';
import { SessionTooLargeError } from '../../session/errors.js';
import { BoundedCalls } from '../bounded-calls.js';
import { DeadlineError, OverloadError } from '../deadline-error.js';
import { ServerHealth } from '../server-health.js';
import { traced } from '../store-tracing.js';

/** A key that no session has. */
const PROBE_KEY = 'nestjs-session-manager:probe';

/**
 * Calls a `SessionStore` with a deadline and limited concurrency, and not at all while its server is down.
 *
 * An error alone does not prove an outage, because it may concern one key. A probe after it decides whether
 * the server is down.
 */
export class StoreCalls {
  readonly health: ServerHealth;
  private readonly calls: BoundedCalls;
  private check: Promise<void> | undefined;
  private reconnectedAt = -Infinity;

  constructor(private readonly store: SessionStore) {
    this.calls = new BoundedCalls(store.timeout, store.maxParallel);
    this.health = new ServerHealth(nameOf(store), { probe: () => this.probe() });
  }

  /** Reads. Repeats a read that fails before its deadline, and within it: the connection may have been lost. */
  read<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return this.run(operation, () => this.once(call, isLoss));
  }

  write<T>(operation: string, call: () => Promise<T>): Promise<T> {
    return this.run(operation, () => this.once(call));
  }

  /** Calls the store even if its server is down. `mayRepeat`: as of `BoundedCalls.run`. */
  async once<T>(call: () => Promise<T>, mayRepeat?: (error: unknown) => boolean): Promise<T> {
    try {
      return await this.calls.run(call, mayRepeat);
    } catch (error) {
      if (error instanceof DeadlineError) this.reconnect();
      throw error;
    }
  }

  private run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    const { health } = this;
    return traced(health.server, operation, async () => {
      if (health.isDown) throw health.refusal();
      try {
        const result = await work();
        health.succeeded();
        return result;
      } catch (error) {
        this.recordFailure(error);
        throw error;
      }
    });
  }

  private recordFailure(error: unknown): void {
    const { health } = this;
    if (isAnswer(error)) return health.succeeded();
    if (error instanceof OverloadError) return;
    if (error instanceof DeadlineError) return health.lost(error);
    health.failed(error);
    this.check ??= this.probe()
      .then(
        () => health.answered(),
        (lost) => health.lost(lost, 0),
      )
      .finally(() => (this.check = undefined));
  }

  private async probe(): Promise<void> {
    const { store } = this;
    await this.once(() => store.ping?.() ?? store.find(PROBE_KEY, 0));
  }

  /**
   * Reconnects at most once in a timeout: for all calls that were in progress, and for those that are repeated
   * and late soon after. A new connection has not had its time by then.
   */
  private reconnect(): void {
    const now = this.calls.now();
    if (now - this.reconnectedAt < this.calls.timeout) return;
    this.reconnectedAt = now;
    this.store.reconnect?.();
  }
}

function isLoss(error: unknown): boolean {
  return !(isAnswer(error) || error instanceof DeadlineError || error instanceof OverloadError);
}

function isAnswer(error: unknown): boolean {
  return error instanceof SessionTooLargeError;
}

function nameOf(store: SessionStore): string {
  const { name } = store.constructor;
  return store.name ?? (name === 'Object' ? 'a store of its own' : name);
}
