import { Agent, request as httpRequest } from 'node:http';

export type Route = 'join' | 'look' | 'count' | 'untouched' | 'wait';

/** What a client got. */
export interface Reply {
  /** `undefined`: none in time, or the connection was refused or broke. */
  readonly status: number | undefined;
  readonly problem?: 'no answer' | 'refused' | 'broken';
  readonly body?: any;
  /** The `name=value` of each `Set-Cookie`. */
  readonly setCookies: readonly string[];
  /** Milliseconds. */
  readonly took: number;
}

/** Milliseconds that a visitor waits for an answer. */
export const PATIENCE = 3_000;

/** Requests over connections that are kept alive. */
export class Requests {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(private readonly port: () => number) {}

  ask(route: Route, { cookie, query }: { cookie?: string; query?: string } = {}): Promise<Reply> {
    const start = performance.now();
    const done = (reply: Omit<Reply, 'took'>): Reply => ({
      ...reply,
      took: performance.now() - start,
    });
    return new Promise((resolve) => {
      let isLate = false;
      const request = httpRequest(
        {
          // A server that is to end waits for connections that are kept alive.
          agent: route === 'wait' ? false : this.agent,
          host: '127.0.0.1',
          port: this.port(),
          method: route === 'look' || route === 'untouched' ? 'GET' : 'POST',
          path: `/${route}${query ? `?${query}` : ''}`,
          headers: cookie ? { cookie } : {},
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', fail);
          response.once('end', () => {
            clearTimeout(timer);
            const cookies = response.headers['set-cookie'] ?? [];
            resolve(
              done({
                status: response.statusCode,
                body: parsed(Buffer.concat(chunks).toString()),
                setCookies: cookies.map((line) => line.split(';', 1)[0]!),
              }),
            );
          });
        },
      );
      const timer = setTimeout(() => {
        isLate = true;
        request.destroy(new Error('too late'));
      }, PATIENCE);
      const fail = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer);
        const problem = isLate ? 'no answer' : error.code === 'ECONNREFUSED' ? 'refused' : 'broken';
        resolve(done({ status: undefined, problem, setCookies: [] }));
      };
      request.once('error', fail);
      request.end();
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
