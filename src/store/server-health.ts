import { setTimeout as delay } from 'node:timers/promises';

import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleWhen } from 'cockatiel';

import { SessionStoreError } from '../session/session.errors.js';

/** Is told when a server of the store begins to fail, and when it answers again. */
export interface ServerWatcher {
  outageBegan(server: string, error: unknown): void;
  /** `failures`: operations that failed, or were not even tried. */
  outageEnded(server: string, seconds: number, failures: number): void;
}

/**
 * - `up`: its operations succeed;
 * - `failing`: some have failed within the last second;
 * - `down`: it is only probed now and then, until it answers.
 */
export type ServerState = 'up' | 'failing' | 'down';

export interface ServerReport {
  /** For memcached `host:port`; for any other store the class name of its adapter. */
  readonly server: string;
  readonly state: ServerState;
}

/**
 * What an error says of a server: nothing, as it is an answer like any other (`NOT_FOUND`); that it
 * answers, but cannot (out of memory); or that it does not answer.
 */
export type ErrorKind = 'answer' | 'complaint' | 'silence';

interface Settings {
  /** Rejects as long as the server is not to be used. */
  readonly probe: () => Promise<unknown>;
  readonly kindOf?: (error: unknown) => ErrorKind;
}

interface Outage {
  readonly since: number;
  lastFailure: number;
  failures: number;
}

/** So many operations in a row without an answer, and a server is down. */
const FAILURES_IN_A_ROW = 5;

/** Milliseconds before the first probe of a server that is down; the next wait longer. */
const FIRST_PROBE = 100;
/** No longer than this, so that it is back within a second. */
const LAST_PROBE = 400;

/** Milliseconds without a failure after which an outage is over. */
const CALM = 1000;

/**
 * How a server does. One that does not answer is not asked by each request, which would wait for it
 * and queue behind it (a circuit breaker). One outage is told once, however many requests it hits.
 */
export class ServerHealth {
  private readonly breaker = new ConsecutiveBreaker(FAILURES_IN_A_ROW);
  private readonly circuit;
  private readonly watchers: ServerWatcher[] = [];
  private outage: Outage | undefined;
  private isClosed = false;

  constructor(
    readonly server: string,
    private readonly settings: Settings,
  ) {
    const isSilence = (error: unknown) => this.kindOf(error) === 'silence';
    this.circuit = circuitBreaker(handleWhen(isSilence), {
      breaker: this.breaker,
      halfOpenAfter: 0, // it is held open by hand, until a probe was answered
    });
    this.circuit.onBreak((reason) => {
      if (!('isolated' in reason)) void this.holdOpen();
    });
  }

  watch(watcher: ServerWatcher): void {
    this.watchers.push(watcher);
  }

  get isDown(): boolean {
    return this.circuit.state !== CircuitState.Closed;
  }

  get state(): ServerState {
    if (this.isDown) return 'down';
    return this.outage && !isCalm(this.outage) ? 'failing' : 'up';
  }

  /** Since its first failure. */
  get secondsDown(): number {
    return this.outage ? (performance.now() - this.outage.since) / 1000 : 0;
  }

  get report(): ServerReport {
    return { server: this.server, state: this.state };
  }

  /** Runs an operation, unless the server is down. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.isClosed) return operation();
    if (this.isDown) {
      const error = new Error(`${this.server} is down`);
      this.failed(error);
      throw error;
    }
    try {
      const result = await this.circuit.execute(operation);
      if (this.outage) this.succeeded();
      return result;
    } catch (error) {
      if (this.kindOf(error) === 'silence') this.failed(error);
      else this.breaker.success(); // as it answered
      if (this.kindOf(error) === 'complaint') this.failed(error);
      throw error;
    }
  }

  /** Asks the server whether it answers, unless it is known not to. If it does not, it is told to be down. */
  async check(): Promise<ServerReport> {
    try {
      await this.run(() => this.settings.probe());
      return this.report;
    } catch {
      return { ...this.report, state: 'down' };
    }
  }

  /** Ends the probing. Who asks later asks the server itself: nobody would notice that it is back. */
  close(): void {
    this.isClosed = true;
  }

  private kindOf(error: unknown): ErrorKind {
    return this.settings.kindOf?.(error) ?? 'silence';
  }

  /** Not by the clock, which may be set back. */
  private async holdOpen(): Promise<void> {
    const hold = this.circuit.isolate();
    for (let wait = FIRST_PROBE; ; wait = Math.min(wait * 2, LAST_PROBE)) {
      await delay(wait, undefined, { ref: false });
      if (this.isClosed) return;
      if (await this.isAnswered()) break;
    }
    this.breaker.success();
    hold.dispose();
    this.endOutage(performance.now());
  }

  private async isAnswered(): Promise<boolean> {
    try {
      await this.settings.probe();
      return true;
    } catch {
      return false;
    }
  }

  private succeeded(): void {
    // Not while it is down: then this one was asked before.
    if (this.outage && !this.isDown && isCalm(this.outage)) this.endOutage(this.outage.lastFailure);
  }

  private failed(error: unknown): void {
    const now = performance.now();
    if (!this.outage) {
      this.outage = { since: now, lastFailure: now, failures: 0 };
      for (const watcher of this.watchers) watcher.outageBegan(this.server, rootOf(error));
    }
    this.outage.lastFailure = now;
    this.outage.failures++;
  }

  private endOutage(at: number): void {
    if (!this.outage) return;
    const { since, failures } = this.outage;
    this.outage = undefined;
    for (const watcher of this.watchers) {
      watcher.outageEnded(this.server, (at - since) / 1000, failures);
    }
  }
}

/** What happened, and not that the store is unavailable for it. */
function rootOf(error: unknown): unknown {
  return error instanceof SessionStoreError ? (error.cause ?? error) : error;
}

function isCalm({ lastFailure }: Outage): boolean {
  return performance.now() - lastFailure > CALM;
}
