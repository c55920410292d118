import type { SessionTicket } from '../session/storage/keys.js';
import type { SessionRepository } from '../session/repository.js';
import type { KeptSocket, SocketRegistry } from './registry.js';

/** Sessions that are looked at together, so that a sweep does not crowd out requests. */
const TOGETHER = 100;

/**
 * Closes sockets whose session has ended elsewhere, or ran out, and which say nothing that would make
 * it known. It looks at sessions, and keeps none alive.
 */
export class SocketSweep {
  private timer: NodeJS.Timeout | undefined;
  private isUnderWay = false;
  private isAskedAgain = false;

  constructor(
    private readonly registry: SocketRegistry,
    private readonly repository: SessionRepository,
    /** In seconds. */
    private readonly every: number | false,
  ) {}

  /** If it is not under way. */
  start(): void {
    if (this.timer || this.every === false) return;
    this.timer = setInterval(() => void this.run(), this.every * 1000);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** One that takes longer than the time between two is not overtaken. */
  async run(): Promise<void> {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    do {
      this.isAskedAgain = false;
      const sessions = this.registry.bySession();
      while (sessions.length > 0) {
        await Promise.all(sessions.splice(0, TOGETHER).map((sockets) => this.look(sockets)));
      }
    } while (this.isAskedAgain);
    this.isUnderWay = false;
  }

  /** Now, since sessions have ended: one that is under way may have been too early, and is repeated. */
  async runAnew(): Promise<void> {
    this.isAskedAgain = true;
    await this.run();
  }

  private async look(sockets: KeptSocket[]): Promise<void> {
    const ticket = sockets.find((socket) => socket.ticket)?.ticket;
    if (!ticket || (await this.isThere(ticket))) return;
    for (const socket of sockets) socket.close();
  }

  /** What cannot be asked now is asked again by the next sweep. */
  private isThere(ticket: SessionTicket): Promise<boolean> {
    return this.repository.isThere(ticket).catch(() => true);
  }
}
