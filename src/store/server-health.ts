import { setTimeout as delay } from 'node:timers/promises';

import { SessionStoreError } from '../session/errors.js';
import { DeadlineError, OverloadError } from './deadline-error.js';

/** Learns what happens to the servers of a store. */
export interface ServerWatcher {
  outageBegan(server: string, error: unknown): void;
  /** `failures`: operations that failed, or were not even tried. */
  outageEnded(server: string, seconds: number, failures: number): void;
  /** Something that people who run the servers should know. */
  noticed(notice: string): void;
}

/**
 * - `up`: its operations succeed;
 * - `failing`: some have failed within the last second;
 * - `down`: it is only probed now and then, until it answers.
 */
export type ServerState = 'up' | 'failing' | 'down';

/** What is known of a server of the store. */
export interface ServerReport {
  /** For memcached `host:port`; for any other store the class name of its adapter. */
  readonly server: string;
  /** Whether it answers: `up`, `failing` or `down`. */
  readonly state: ServerState;
  /** What is wrong with its configuration, although it answers; absent: nothing is known to be. */
  readonly problem?: string;
}

interface Settings {
  /** Rejects as long as the server does not answer. What it finds is told like that of an operation. */
  readonly probe: () => Promise<unknown>;
}

interface Outage {
  readonly since: number;
  lastFailure: number;
  failures: number;
}

/** So many losses in a row without an answer between them, and a server is down. */
const LOSSES_IN_A_ROW = 5;

/** Milliseconds before the first probe of a server that is down; the next ones wait longer. */
const FIRST_PROBE = 100;
/** No longer than this, so that it is back within a second. */
const LAST_PROBE = 400;
/** Each wait is longer by up to this share, so that many processes do not probe at once. */
const JITTER = 0.2;

/** Milliseconds without a failure after which an outage is over. */
const CALM = 1000;

/**
 * How a server does. One that does not answer is not asked by each request, which would wait for it (a
 * circuit breaker). One outage is reported once, however many requests it hits.
 *
 * All of it counts what the server did: an answer, even one that says no, is a sign of life; a loss is
 * one, however many operations it concerns.
 */
export class ServerHealth {
  /** What is wrong with the server's configuration. */
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

  /** Operations should not be tried. */
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

  /** The server has answered, be it that it refuses. */
  answered(): void {
    if (this.losses > 0 && !this.isProbing) this.losses = 0;
  }

  /** An operation has succeeded. */
  succeeded(): void {
    this.answered();
    // Not while it is down: then this operation was begun before.
    if (this.outage && !this.isProbing && isCalm(this.outage)) {
      this.endOutage(this.outage.lastFailure);
    }
  }

  /** Operations have failed, whether the server answered so or not. */
  failed(error: unknown, operations = 1): void {
    if (operations === 0 || this.isClosed) return;
    const now = performance.now();
    if (!this.outage) {
      this.outage = { since: now, lastFailure: now, failures: 0 };
      this.tell((watcher) => watcher.outageBegan(this.server, rootOf(error)));
    }
    this.outage.lastFailure = now;
    this.outage.failures += operations;
  }

  /** The server gave no answer: once, however many operations have failed by it. */
  lost(error: unknown, operations = 1): void {
    this.losses++;
    this.lostAt = performance.now();
    this.failed(error, operations);
    if (this.losses >= LOSSES_IN_A_ROW && !this.isProbing && !this.isClosed) void this.probe();
  }

  /** What to reject an operation with that is not tried. */
  refusal(): Error {
    const error = new Error(`${this.server} is down`);
    this.failed(error);
    return error;
  }

  /** Runs an operation of a store that does not tell of its connections, unless the server is down. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.isDown) throw this.refusal();
    return this.observe(operation);
  }

  /** The same, whether it is down or not. */
  async observe<T>(operation: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      const result = await operation();
      if (this.losses > 0 || this.outage) this.succeeded();
      return result;
    } catch (error) {
      const root = rootOf(error);
      if (root instanceof OverloadError) throw error;
      // Many operations fail by one lost connection. Only one that began later tells something new.
      if (root instanceof DeadlineError || begun >= this.lostAt) this.lost(error);
      else this.failed(error);
      throw error;
    }
  }

  /** Asks the server whether it answers, unless it is known not to. */
  async check(): Promise<ServerReport> {
    if (this.isDown) return this.report;
    try {
      await this.settings.probe();
      return this.report;
    } catch {
      return { ...this.report, state: 'down' };
    }
  }

  tell(event: (watcher: ServerWatcher) => void): void {
    for (const watcher of [...this.watchers]) event(watcher);
  }

  /** Ends the probing. Who asks later asks the server itself: nobody would notice that it is back. */
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
    this.tell((watcher) => watcher.outageEnded(this.server, (at - since) / 1000, failures));
  }
}

/** What happened, and not that the store is unavailable for it. */
function rootOf(error: unknown): unknown {
  return error instanceof SessionStoreError ? (error.cause ?? error) : error;
}

function isCalm({ lastFailure }: Outage): boolean {
  return performance.now() - lastFailure > CALM;
}
