import { setTimeout as delay } from 'node:timers/promises';

import { SessionStoreError } from '../session/errors.js';
import { DeadlineError, OverloadError } from './deadline-error.js';

/** Learns about outages of a store's servers. */
export interface ServerWatcher {
  outageBegan(server: string, error: unknown): void;
  /** `failures`: operations that failed, or were not tried. */
  outageEnded(server: string, seconds: number, failures: number): void;
  /** A warning for the operators of the servers. */
  noticed(notice: string): void;
}

/**
 * - `up`: operations succeed;
 * - `failing`: some operations have failed within the last second;
 * - `down`: operations are not sent; the server is probed until it answers.
 */
export type ServerState = 'up' | 'failing' | 'down';

/** The state of a store's server. */
export interface ServerReport {
  /** For memcached `host:port`; for any other store the class name of its adapter. */
  readonly server: string;
  /** Whether it answers: `up`, `failing` or `down`. */
  readonly state: ServerState;
  /** A problem of its configuration, although it answers. Absent: none is known. */
  readonly problem?: string;
}

interface Settings {
  /** Asks the server for a sign of life; rejects if it does not answer. */
  readonly probe: () => Promise<unknown>;
}

interface Outage {
  readonly since: number;
  lastFailure: number;
  failures: number;
}

/** A server is down after this many losses in a row, without an answer between them. */
const LOSSES_IN_A_ROW = 5;

/** Milliseconds before the first probe of a server that is down; each next wait is twice as long. */
const FIRST_PROBE = 100;
/** The longest wait in milliseconds, so that a server is up again within a second after it answers. */
const LAST_PROBE = 400;
/** Each wait is longer by up to this share, so that many processes do not probe at the same moment. */
const JITTER = 0.2;

/** An outage is over after this many milliseconds without a failure. */
const CALM = 1000;

/**
 * A server's health, and its circuit breaker: while a server is down, operations fail at once and do not wait
 * for it. An outage is reported once, however many requests it affects.
 *
 * Every answer is a sign of life, also a negative one. A lost connection counts as one loss, however many
 * operations it fails.
 */
export class ServerHealth {
  /** A problem of the server's configuration. */
  problem: string | undefined;
  private readonly watchers: ServerWatcher[] = [];
  private losses = 0;
  private lostAt = -Infinity;
  private outage: Outage | undefined;
  private isProbing = false;
  private isClosed = false;

  constructor(
    readonly server: string,
    private readonly settings: Settings,
  ) {}

  watch(watcher: ServerWatcher): void {
    this.watchers.push(watcher);
  }

  unwatch(watcher: ServerWatcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at !== -1) this.watchers.splice(at, 1);
  }

  /** Whether operations should not be tried. */
  get isDown(): boolean {
    return this.isProbing && !this.isClosed;
  }

  get state(): ServerState {
    if (this.isDown) return 'down';
    return this.outage && !isCalm(this.outage) ? 'failing' : 'up';
  }

  get report(): ServerReport {
    const { server, state, problem } = this;
    return { server, state, ...(problem !== undefined && { problem }) };
  }

  /** The server has answered, positively or negatively. */
  answered(): void {
    if (this.losses > 0 && !this.isProbing) this.losses = 0;
  }

  /** An operation has succeeded. */
  succeeded(): void {
    this.answered();
    // While it is down, an operation that succeeds was begun before.
    if (this.outage && !this.isProbing && isCalm(this.outage)) {
      this.endOutage(this.outage.lastFailure);
    }
  }

  /** Operations have failed, by an answer of the server or without one. */
  failed(error: unknown, operations = 1): void {
    if (operations === 0 || this.isClosed) return;
    const now = performance.now();
    if (!this.outage) {
      this.outage = { since: now, lastFailure: now, failures: 0 };
      this.notify((watcher) => watcher.outageBegan(this.server, rootOf(error)));
    }
    this.outage.lastFailure = now;
    this.outage.failures += operations;
  }

  /** The server gave no answer. Called once, however many operations failed by that. */
  lost(error: unknown, operations = 1): void {
    this.losses++;
    this.lostAt = performance.now();
    this.failed(error, operations);
    if (this.losses >= LOSSES_IN_A_ROW && !this.isProbing && !this.isClosed) void this.probe();
  }

  /** The error for an operation that is not tried. */
  refusal(): Error {
    const error = new Error(`${this.server} is down`);
    this.failed(error);
    return error;
  }

  /** Runs an operation unless the server is down. For stores whose connections are not visible here. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.isDown) throw this.refusal();
    return this.observe(operation);
  }

  /** Runs an operation even if the server is down. */
  async observe<T>(operation: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      const result = await operation();
      if (this.losses > 0 || this.outage) this.succeeded();
      return result;
    } catch (error) {
      const root = rootOf(error);
      if (root instanceof OverloadError) throw error;
      // A lost connection fails many operations. Only an operation that began after the loss is a new one.
      if (root instanceof DeadlineError || begun >= this.lostAt) this.lost(error);
      else this.failed(error);
      throw error;
    }
  }

  /** Probes the server, unless it is known to be down. */
  async check(): Promise<ServerReport> {
    if (this.isDown) return this.report;
    try {
      await this.settings.probe();
      return this.report;
    } catch {
      return { ...this.report, state: 'down' };
    }
  }

  notify(event: (watcher: ServerWatcher) => void): void {
    for (const watcher of [...this.watchers]) event(watcher);
  }

  /**
   * Stops probing. Later operations are always tried, as nothing would detect that the server answers
   * again.
   */
  close(): void {
    this.isClosed = true;
  }

  private async probe(): Promise<void> {
    this.isProbing = true;
    for (let wait = FIRST_PROBE; !this.isClosed; wait = Math.min(wait * 2, LAST_PROBE)) {
      await delay(wait * (1 + JITTER * Math.random()), undefined, { ref: false });
      if (this.isClosed || (await this.isAnswered())) break;
    }
    this.isProbing = false;
    this.losses = 0;
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

  private endOutage(at: number): void {
    if (!this.outage || this.isClosed) return;
    const { since, failures } = this.outage;
    this.outage = undefined;
    this.notify((watcher) => watcher.outageEnded(this.server, (at - since) / 1000, failures));
  }
}

/** The cause of a `SessionStoreError`. */
function rootOf(error: unknown): unknown {
  return error instanceof SessionStoreError ? (error.cause ?? error) : error;
}

function isCalm({ lastFailure }: Outage): boolean {
  return performance.now() - lastFailure > CALM;
}
