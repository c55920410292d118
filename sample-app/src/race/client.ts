/** What a request came to; without a status: nothing came within the time that a client waits here. */
export interface Answer {
  readonly status: number | undefined;
  readonly milliseconds: number;
  readonly hasCookie: boolean;
  readonly json?: { entries: number; count: number; user: string | null };
}

/** Milliseconds; on a busy machine a crowd takes its time. */
const PATIENCE = 30_000;

/** A visitor of one side, with a cookie. Real requests, over HTTP. */
export class RaceClient {
  constructor(
    private readonly urls: readonly string[],
    private cookie = '',
    private readonly patience = PATIENCE,
  ) {}

  /** Asks one server after the other, if there are several. */
  async send(method: 'GET' | 'POST', path: string, turn = 0): Promise<Answer> {
    const began = performance.now();
    const took = () => Math.round(performance.now() - began);
    try {
      const response = await fetch(`${this.urls[turn % this.urls.length]}/${path}`, {
        ...{ method, headers: { cookie: this.cookie }, signal: AbortSignal.timeout(this.patience) },
      });
      const [cookie] = response.headers.getSetCookie();
      if (cookie) this.cookie = cookie.split(';', 1)[0]!;
      const isJson = response.headers.get('content-type')?.includes('json') && response.ok;
      const json = isJson ? ((await response.json()) as Answer['json']) : undefined;
      if (!isJson) await response.arrayBuffer();
      return {
        status: response.status,
        milliseconds: took(),
        hasCookie: Boolean(cookie),
        ...(json && { json }),
      };
    } catch {
      return { status: undefined, milliseconds: took(), hasCookie: false };
    }
  }

  get state(): Promise<Answer> {
    return this.send('GET', 'state');
  }

  /** The same visitor with the cookie as it is now, whatever comes. */
  fork(patience = this.patience): RaceClient {
    return new RaceClient(this.urls, this.cookie, patience);
  }
}
