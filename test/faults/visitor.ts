import type { Reply, Requests, Route } from './requests.js';

/**
 * What a visitor saw. `stranger`: a response as to a visitor without a session. `lost`: an
 * acknowledged write is missing. `mixed up`: another visitor's session, or more writes than were sent.
 */
export type Outcome =
  | 'served'
  | 'refused'
  | 'error'
  | 'stranger'
  | 'lost'
  | 'mixed up'
  | 'no answer'
  | 'broken'
  | 'down';

export interface Seen {
  readonly route: Route;
  readonly outcome: Outcome;
  /** Milliseconds, by the clock of `performance.now()`. */
  readonly began: number;
  readonly took: number;
  readonly setsCookie: boolean;
  /** Acknowledged writes that are not there. */
  readonly lost: number;
}

/** A visitor with a session, who recognises it by its mark and counts the writes to it. */
export class Visitor {
  /** Since when the visitor waits for an answer, in milliseconds. */
  waitingSince: number | undefined;
  hasLeft = false;
  isStranger = true;
  private cookie = '';
  private sent = 0;
  private acknowledged = 0;
  private lost = 0;

  constructor(
    readonly mark: string,
    private readonly requests: Requests,
  ) {}

  /** Starts over with a new session. */
  async join(): Promise<Seen> {
    return this.ask('join', `mark=${encodeURIComponent(this.mark)}`);
  }

  look(): Promise<Seen> {
    return this.ask('look');
  }

  count(): Promise<Seen> {
    return this.ask('count');
  }

  /** Counts as soon as the application continues. */
  countLater(): Promise<Seen> {
    return this.ask('wait');
  }

  /** To a route that uses no session. */
  untouched(): Promise<Seen> {
    return this.ask('untouched');
  }

  private async ask(route: Route, query?: string): Promise<Seen> {
    const began = performance.now();
    const isWrite = route === 'count' || route === 'wait';
    this.waitingSince = began;
    if (isWrite) this.sent++;
    try {
      const reply = await this.requests.ask(route, {
        ...(route !== 'join' && { cookie: this.cookie }),
        ...(query && { query }),
      });
      const outcome = this.judge(route, reply);
      const setsCookie = reply.setCookies.length > 0;
      return { route, outcome, began, took: reply.took, setsCookie, lost: this.takeLost() };
    } finally {
      this.waitingSince = undefined;
    }
  }

  private judge(route: Route, { status, problem, body, setCookies }: Reply): Outcome {
    if (problem) return problem === 'refused' ? 'down' : problem;
    if (status === 503) return 'refused';
    if (status !== 200 && status !== 201) return 'error';
    if (route === 'untouched') return 'served';
    if (route === 'join') {
      if (setCookies.length === 0) return 'error';
      this.cookie = setCookies[0]!;
      [this.sent, this.acknowledged, this.isStranger] = [0, 0, false];
      return 'served';
    }
    this.isStranger = body?.mark === null;
    if (this.isStranger) return 'stranger';
    if (body?.mark !== this.mark || body.count > this.sent) return 'mixed up';
    // Earlier acknowledged writes count, and so does this one.
    const atLeast = this.acknowledged + (route === 'look' ? 0 : 1);
    this.acknowledged = body.count;
    this.lost = Math.max(0, atLeast - body.count);
    return this.lost > 0 ? 'lost' : 'served';
  }

  private takeLost(): number {
    const { lost } = this;
    this.lost = 0;
    return lost;
  }
}
