import { visitor, type HttpResponse } from '../support/http-client.js';
import type { Answer, CookieNews, RequestHistory, Wait } from './history.js';
import type { Operation } from './operation.js';
import type { RacesWorld } from './races-world.js';

/** What a request is to be; the rest of its history comes about. */
export interface Order {
  readonly number: number;
  readonly server: 0 | 1;
  readonly operations: readonly Operation[];
  /** The id it comes with, and the request whose answer had given it out. */
  readonly id?: { readonly value: string; readonly from: number };
}

/** One request of a client, from its start to its answer or until the client hangs up. */
export class ClientRequest {
  /** The id that its answer gave out. */
  newId: string | undefined;
  private readonly startedAt: number;
  private readonly waits: { reachedAt: number; releasedAt?: number }[] = [];
  private abortedAt: number | undefined;
  private answer: Answer | undefined;
  private failure: { readonly error: unknown } | undefined;
  private readonly hangUp = new AbortController();
  private readonly token: string;
  private onStill: (() => void)[] = [];
  private isAbandoned = false;

  /** `tick` answers a moment later than all before. */
  constructor(
    private readonly world: RacesWorld,
    private readonly order: Order,
    program: number,
    private readonly tick: () => number,
  ) {
    this.token = `${program}/${order.number}`;
    world.onWait(this.token, order.server, () => this.reach());
    this.startedAt = tick();
    void this.send();
  }

  get isWaiting(): boolean {
    const last = this.waits.at(-1);
    return last !== undefined && last.releasedAt === undefined;
  }

  /** Whether its client still expects an answer. */
  get isOpen(): boolean {
    return !this.answer && !this.failure && this.abortedAt === undefined;
  }

  /** Resolves when it is answered, waits, or its client has hung up. */
  async untilStill(): Promise<void> {
    if (this.isOpen && !this.isWaiting) await new Promise<void>((done) => this.onStill.push(done));
    if (this.failure) throw this.failure.error;
  }

  release(): void {
    this.waits.at(-1)!.releasedAt = this.tick();
    this.world.release(this.token, this.order.server);
  }

  abort(): void {
    this.abortedAt = this.tick();
    this.hangUp.abort();
    this.becomeStill();
  }

  /** Lets its handler run to its end, whenever that is. */
  abandon(): void {
    this.isAbandoned = true;
    if (this.isWaiting) this.release();
  }

  get history(): RequestHistory {
    const { number, server, operations, id } = this.order;
    const { startedAt, abortedAt, answer } = this;
    const waits: Wait[] = this.waits.map((wait) => ({ ...wait }));
    return {
      ...{ number, server, operations, startedAt, waits, idFrom: id?.from },
      ...(abortedAt !== undefined && { abortedAt }),
      ...(answer && { answer }),
    };
  }

  private async send(): Promise<void> {
    const { number, server, operations, id } = this.order;
    try {
      const response = await visitor(this.world.urls[server]).post(
        '/run',
        { token: this.token, number, operations },
        { headers: id ? { cookie: `SID=${id.value}` } : {}, signal: this.hangUp.signal },
      );
      if (this.abortedAt === undefined) this.receive(response);
    } catch (error) {
      if (this.abortedAt === undefined) this.failure = { error };
    }
    this.becomeStill();
  }

  private receive(response: HttpResponse): void {
    const { results } = response.json as { results?: unknown[] };
    const cookie = this.readCookie(response.setCookies);
    const { status } = response;
    this.answer = { at: this.tick(), status, cookie, ...(results && { results }) };
  }

  private readCookie(setCookies: readonly string[]): CookieNews {
    if (setCookies.length > 1) throw new Error(`${setCookies.length} cookies in one response`);
    const [, value] = /^SID=([^;]*)/.exec(setCookies[0] ?? '') ?? [];
    if (value === undefined) return 'nothing';
    if (value === '') return 'over';
    this.newId = value;
    return 'new id';
  }

  private reach(): void {
    this.waits.push({ reachedAt: this.tick() });
    if (this.isAbandoned) this.release();
    this.becomeStill();
  }

  private becomeStill(): void {
    for (const done of this.onStill.splice(0)) done();
  }
}
