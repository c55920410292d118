import { Client } from 'undici';

/** A response, as far as the bench looks at it. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** The cookie that it sets, as the next request sends it. */
  readonly cookie?: string | undefined;
}

export interface Ask {
  readonly path: string;
  readonly cookie?: string | undefined;
}

const TIMEOUT_MS = 60_000;

/** A visitor with its own keep-alive connection, who waits for each answer. */
export class Visitor {
  private readonly client: Client;

  constructor(port: number) {
    this.client = new Client(`http://127.0.0.1:${port}`, {
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      // The servers close idle connections after 5 s; undici goes by what they say of it.
      keepAliveTimeout: TIMEOUT_MS,
    });
  }

  async ask({ path, cookie }: Ask): Promise<Answer> {
    const { statusCode, headers, body } = await this.client.request({
      method: 'GET',
      path,
      headers: cookie === undefined ? undefined : { cookie },
    });
    const setCookie = headers['set-cookie'];
    return {
      status: statusCode,
      body: await body.text(),
      cookie: setCookie && String(setCookie).split(';', 1)[0],
    };
  }

  leave(): Promise<void> {
    return this.client.destroy();
  }
}
