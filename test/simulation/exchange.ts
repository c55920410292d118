import { DeadlineError } from '../../src/store/deadline-error.js';
import type { Event, Failure, Scheduler } from './scheduler.js';

/** What a server does when a command reaches it. */
export interface Command<T> {
  readonly what: () => string;
  take(): T;
  /** Whether it cannot be reached now. */
  isDown(): boolean;
}

/** A command on its way to a server, and the answer on its way back: an event each. */
export class Exchange<T> {
  /** The last one that was begun, for the code that gives it a deadline. */
  static last: Exchange<unknown> | undefined;
  /** Called when it is late. */
  onDeadline: ((error: Error) => void) | undefined;
  readonly answer: Promise<T>;
  private resolve!: (answer: T) => void;
  private reject!: (error: Error) => void;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly command: Command<T>,
  ) {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    Exchange.last = this as Exchange<unknown>;
    const { current } = scheduler;
    const sent: Event = {
      what: () => `${command.what()}${this.outcome}`,
      happen: () => {
        if (current.isDead) return false;
        if (command.isDown()) {
          scheduler.failed();
          this.outcome = ': down';
          this.reject(new Error('down'));
          return true;
        }
        const answer = command.take();
        this.outcome = wordsFor(answer);
        // In the place of the command, as if it were one event that has two halves.
        current.events.unshift(this.answered(answer));
        return false;
      },
      fail: (how) => this.lose(how),
      arriveLate: () => void (this.command.isDown() || this.command.take()),
    };
    scheduler.add(sent);
  }

  private outcome = '';

  private answered(answer: T): Event {
    return {
      what: () => this.command.what(),
      isAnswer: true,
      happen: () => this.resolve(answer),
      fail: () => this.reject(new Error('connection lost')),
    };
  }

  private lose(how: Failure): void {
    if (how === 'lost') return this.reject(new Error('connection lost'));
    this.scheduler.strays.push(() => {
      if (!this.command.isDown()) this.resolve(this.command.take());
    });
    const late = new DeadlineError(500);
    if (this.onDeadline) this.onDeadline(late);
    else this.reject(late);
  }
}

function wordsFor(answer: unknown): string {
  if (answer === undefined) return ': nothing';
  return typeof answer === 'string' && answer.length < 10 ? `: ${answer}` : '';
}
