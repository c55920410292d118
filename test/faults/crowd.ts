import { setTimeout as delay } from 'node:timers/promises';

import { Requests } from './requests.js';
import { Visitor, type Seen } from './visitor.js';

/** Requests of the crowd, a second, whatever the server does. */
const RATE = 200;
/** At most this share of the rate at which the visitors got their sessions, because a busy machine serves fewer. */
const SHARE = 1 / 3;
const TICK = 5;

/** A visitor whose session has ended begins a new one, where sessions may end. */
export interface CrowdSettings {
  readonly size: number;
  readonly joinsAgain: boolean;
}

/** Many visitors of one application: each with a session, and one request at a time. */
export class Crowd {
  /** All that was seen under the load. */
  readonly seen: Seen[] = [];
  private readonly visitors: Visitor[];
  private readonly requests: Requests;
  private load: Promise<void> | undefined;
  private isOver = false;
  private next = 0;
  private rate = RATE;

  constructor(
    port: () => number,
    private readonly settings: CrowdSettings,
  ) {
    this.requests = new Requests(port);
    this.visitors = Array.from(
      { length: settings.size },
      (_, number) => new Visitor(`visitor ${number}`, this.requests),
    );
  }

  /** Each visitor gets a session. */
  async join(): Promise<void> {
    const began = performance.now();
    for (const { outcome } of await this.all((visitor) => visitor.join())) {
      if (outcome !== 'served') throw new Error(`somebody could not join: ${outcome}`);
    }
    const seconds = (performance.now() - began) / 1000;
    this.rate = Math.min(RATE, (this.size / seconds) * SHARE);
  }

  /** From now on requests come at a fixed rate. */
  begin(): void {
    this.isOver = false;
    this.load = this.run();
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.load;
    await this.calm();
  }

  /** When the oldest request in flight began; the present time if there is none. */
  oldestWaiting(): number {
    const now = performance.now();
    return Math.min(...this.visitors.map(({ waitingSince = now }) => waitingSince));
  }

  /** `away: true`: a part of the crowd stops its requests. */
  send(away: boolean, part: number): void {
    const count = this.settings.size * part;
    for (const visitor of this.visitors.slice(0, count)) visitor.hasLeft = away;
  }

  /** Each visitor reads its session once more. */
  look(): Promise<Seen[]> {
    return this.all((visitor) => visitor.look());
  }

  /** All visitors count as soon as the application continues; recorded in `seen`. */
  async countLater(): Promise<void> {
    const all = this.visitors.map((visitor) => visitor.countLater());
    this.seen.push(...(await Promise.all(all)));
  }

  get size(): number {
    return this.settings.size;
  }

  /** Resolves when no visitor waits for an answer. */
  async calm(): Promise<void> {
    while (this.visitors.some(({ waitingSince }) => waitingSince !== undefined)) await delay(TICK);
  }

  leave(): void {
    this.requests.close();
  }

  private async run(): Promise<void> {
    const start = performance.now();
    for (let made = 0; !this.isOver; await delay(TICK)) {
      for (const due = ((performance.now() - start) / 1000) * this.rate; made < due; made++) {
        const visitor = this.nextIdle();
        if (visitor) void this.serve(visitor, made);
      }
    }
  }

  private async serve(visitor: Visitor, number: number): Promise<void> {
    this.seen.push(await this.request(visitor, number));
    if (visitor.isStranger && this.settings.joinsAgain) this.seen.push(await visitor.join());
  }

  private request(visitor: Visitor, number: number): Promise<Seen> {
    // A visitor sends different requests from turn to turn.
    const turn = number + Math.floor(number / this.visitors.length);
    if (turn % 10 === 0) return visitor.untouched();
    return turn % 2 === 0 ? visitor.look() : visitor.count();
  }

  /** Those who wait for an answer make no other request meanwhile. */
  private nextIdle(): Visitor | undefined {
    for (let tried = 0; tried < this.visitors.length; tried++) {
      const visitor = this.visitors[this.next++ % this.visitors.length]!;
      if (visitor.waitingSince === undefined && !visitor.hasLeft) return visitor;
    }
    return undefined;
  }

  /** A few at a time. */
  private async all(action: (visitor: Visitor) => Promise<Seen>): Promise<Seen[]> {
    const seen: Seen[] = [];
    const rest = [...this.visitors];
    const work = async (): Promise<void> => {
      for (let visitor = rest.pop(); visitor; visitor = rest.pop())
        seen.push(await action(visitor));
    };
    await Promise.all(Array.from({ length: 20 }, work));
    return seen;
  }
}
