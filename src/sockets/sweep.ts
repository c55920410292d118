import type { SessionTicket } from '../session/storage/keys.js';
import type { SessionRepository } from '../session/repository.js';
import type { RegisteredSocket, SocketRegistry } from './registry.js';

/** How many sessions are read at a time, so that requests do not wait for a sweep. */
const BATCH_SIZE = 100;

/**
 * Closes silent sockets whose session has expired or was ended by another process. Reads sessions without
 * extending their life.
 */
export class SocketSweep {
  private timer: NodeJS.Timeout | undefined;
  private isRunning = false;
  private mustRepeat = false;

  constructor(
    private readonly registry: SocketRegistry,
    private readonly repository: SessionRepository,
    /** In seconds. */
    private readonly every: number | false,
  ) {}

  /** Starts regular sweeps. Starting again changes nothing. */
  start(): void {
    if (this.timer || this.every === false) return;
    this.timer = setInterval(() => void this.run(), this.every * 1000);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Runs one sweep, unless one is running. */
  async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    do {
      this.mustRepeat = false;
      const sessions = this.registry.bySession();
      while (sessions.length > 0) {
        await Promise.all(sessions.splice(0, BATCH_SIZE).map((sockets) => this.check(sockets)));
      }
    } while (this.mustRepeat);
    this.isRunning = false;
  }

  /** Runs a sweep now. A running one is repeated, as it may have read sessions before they ended. */
  async runAgain(): Promise<void> {
    this.mustRepeat = true;
    await this.run();
  }

  private async check(sockets: RegisteredSocket[]): Promise<void> {
    const ticket = sockets.find((socket) => socket.ticket)?.ticket;
    if (!ticket || (await this.isThere(ticket))) return;
    for (const socket of sockets) socket.close();
  }

  /** An error counts as `true`: the next sweep checks again. */
  private isThere(ticket: SessionTicket): Promise<boolean> {
    return this.repository.isThere(ticket).catch(() => true);
  }
}
