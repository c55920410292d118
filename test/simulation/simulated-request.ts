import { CurrentSession } from '../../src/session/current-session.js';
import type { IncomingSession, SessionTransport } from '../../src/session/transport.js';
import { SessionUnavailableError } from '../../src/session/errors.js';
import type { Session } from '../../src/session/session.js';
import type { Client } from './client.js';
import { handle } from './handler.js';
import type { Model } from './model.js';
import type { RequestView } from './request-view.js';
import type { Operation } from './schedule.js';
import { Thread, type Scheduler } from './scheduler.js';
import type { Process } from './world.js';

export interface Order {
  readonly number: number;
  readonly client: Client;
  readonly process: Process;
  readonly id: string | undefined;
  readonly operations: readonly Operation[];
  /** Whether it renews the session as it reads it. */
  readonly touch: boolean;
}

/** What the HTTP edge does with a request, as `src/http/request-session.ts` has it. */
export class SimulatedRequest implements SessionTransport {
  readonly thread: Thread;
  readonly current: CurrentSession;
  readonly view: RequestView;
  /** By the client; what the server knows of it is another matter. */
  isHungUp = false;
  isAnswered = false;
  private isDeliverable = true;
  private hasResponded = false;
  private isRefused = false;
  session: Session | undefined;

  constructor(
    readonly order: Order,
    private readonly scheduler: Scheduler,
    readonly model: Model,
  ) {
    this.thread = new Thread(`#${order.number}`);
    this.current = new CurrentSession(order.process.repository, this);
    this.view = model.begin(this.thread, order);
  }

  receive(): IncomingSession {
    const { id } = this.order;
    return { ticket: id === undefined ? undefined : { id, secret: 0 }, client: () => ({}) };
  }

  get isOpen(): boolean {
    return this.isDeliverable && !this.hasResponded;
  }

  start(): Promise<void> {
    return this.scheduler.run(this.thread, () => void this.serve());
  }

  hangUp(): void {
    if (this.isAnswered || this.isHungUp || this.thread.isDead) return;
    this.isHungUp = true;
    this.order.client.hasMissedAnswer = true;
    this.thread.events.push({
      what: () => 'sees that its client has hung up',
      happen: () => this.close(),
    });
  }

  /** Until it waits on purpose. */
  wait(): Promise<void> {
    return new Promise((happen) =>
      this.scheduler.add({ what: () => 'continues', isWait: true, happen: () => happen() }),
    );
  }

  private async serve(): Promise<void> {
    let status = 200;
    try {
      await handle(this, this.order.operations);
    } catch (error) {
      status = statusOf(error);
      this.model.failed(this.view, error);
    }
    try {
      await this.commit();
    } catch (error) {
      this.isRefused = true;
      status = statusOf(error);
      this.model.couldNotCommit(this.view, error);
    }
    this.respond(status);
  }

  /** As `RequestSession.commit()`. */
  private async commit(): Promise<void> {
    const { current, view, model } = this;
    if (!current.isStored && !this.isDeliverable) return;
    const committing = current.commit(this.isDeliverable);
    if (!committing) return;
    model.commitBegins(view);
    await committing;
    model.committed(view, this.outcome());
  }

  /** What became of its session. */
  outcome(): { isStored: boolean; isGone: boolean; id: string } {
    const { isStored, isGone } = this.current;
    return { isStored, isGone, id: this.session?.id ?? '' };
  }

  private respond(status: number): void {
    this.hasResponded = true;
    const news = this.isDeliverable ? this.current.idUpdate : undefined;
    if (!this.isDeliverable) this.withdraw();
    const told = news === 'over' ? (this.isRefused ? undefined : news) : news?.id;
    this.model.responds(this.view, status, told);
    this.scheduler.add({
      what: () =>
        `answers ${status}${told === undefined ? '' : ` with ${this.model.nameOf(told)}`}`,
      happen: () => {
        if (news !== undefined && news !== 'over') this.sendId();
        if (!this.isHungUp) {
          this.isAnswered = true;
          this.model.delivered(this.view, told);
          this.order.client.receive(told);
        }
        this.close();
      },
    });
  }

  private sendId(): void {
    const { deliveries } = this.order.process.repository;
    const state = this.current.found!;
    this.current.idSent();
    void deliveries.settle().then(() => {
      if (state.undeliveredSince === undefined) this.model.users.isRecorded(this.view);
    });
  }

  /** As `RequestSession.sendCookie()`, for a client that has gone. */
  private withdraw(): void {
    if (!this.current.idUpdate) return;
    this.model.withdraws(this.view);
    this.current.withdraw().catch(() => undefined);
  }

  /** The connection is closed. */
  private close(): void {
    if (!this.isDeliverable) return;
    this.isDeliverable = false;
    if (this.isRefused || !this.current.isStored) return;
    this.model.closes(this.view);
    this.current.commit()?.catch(() => undefined);
    this.current.commitLateChanges(() => undefined);
  }
}

export function statusOf(error: unknown): number {
  if (error instanceof SessionUnavailableError) return 503;
  return error instanceof Error && 'status' in error ? Number(error.status) : 500;
}
