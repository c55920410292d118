import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { constants, type ClientHttp2Session } from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { gunzipSync } from 'node:zlib';

export interface Question {
  readonly method?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: string | undefined;
  /** Hangs up. */
  readonly signal?: AbortSignal;
  /** Hangs up at the first bytes of the response. */
  readonly onlyHead?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookies: string[];
  /** Decoded. */
  readonly body: string;
  readonly trailers: object;
  /** The statuses that came before. */
  readonly informed: number[];
  /** Milliseconds from the request to the head of the response. */
  readonly waited: number;
}

/** Asks a server; rejects if no whole answer comes in time, or if it cannot be read. */
export type Ask = (path: string, question?: Question) => Promise<Answer>;

/** Far more than any answer takes, also on a busy machine. */
const MOST_MS = 15_000;

const signalOf = ({ signal }: Question) =>
  AbortSignal.any([AbortSignal.timeout(MOST_MS), ...(signal ? [signal] : [])]);

const waitsForContinue = ({ headers }: Question) => headers?.expect !== undefined;

/** Over HTTP/1.1, one connection for each question: a byte too much is an error. */
export function askHttp(origin: string, more: RequestOptions = {}): Ask {
  const send = origin.startsWith('https:') ? httpsRequest : httpRequest;
  return (path, question = {}) =>
    new Promise((resolve, reject) => {
      const { method = 'GET', headers = {}, body } = question;
      const start = performance.now();
      const informed: number[] = [];
      const signal = signalOf(question);
      const options = { agent: false, ...more, method, headers, signal } as const;
      let waited = 0;
      const request = send(new URL(path, origin), options, (response) => {
        waited = performance.now() - start;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        if (question.onlyHead) request.destroy();
        response.once('end', () => {
          const { statusCode = 0, headers: received, trailers } = response;
          const said = { headers: received, trailers, informed, waited };
          const decode = () => answerOf(statusCode, Buffer.concat(chunks), said);
          Promise.resolve().then(decode).then(resolve, reject);
        });
      });
      request.on('information', ({ statusCode }) => informed.push(statusCode));
      request.once('error', reject);
      if (!waitsForContinue(question)) return void request.end(body);
      request.once('continue', () => {
        informed.push(100);
        request.end(body);
      });
      request.flushHeaders();
    });
}

/** Over HTTP/2, all questions on one connection. */
export function askHttp2(client: ClientHttp2Session): Ask {
  return async (path, question = {}) => {
    const { method = 'GET', headers = {}, body } = question;
    const start = performance.now();
    const endStream = body === undefined;
    const stream = client.request(
      { ':path': path, ':method': method, ...headers },
      { signal: signalOf(question), endStream },
    );
    // The reader below gets the error; if the request is aborted before it is open, it is ignored.
    stream.on('error', () => undefined);
    const informed: number[] = [];
    let head: IncomingHttpHeaders = {};
    let trailers = {};
    let waited = 0;
    stream.on('response', (received) => {
      waited = performance.now() - start;
      head = received;
      if (question.onlyHead) stream.close(constants.NGHTTP2_CANCEL);
    });
    stream.on('headers', (received) => informed.push(Number(received[':status'])));
    stream.on('trailers', (received) => (trailers = { ...received }));
    if (waitsForContinue(question)) stream.once('continue', () => stream.end(body));
    else if (!endStream) stream.end(body);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) throw new Error(`reset: ${stream.rstCode}`);
    const status = Number((head as Record<string, unknown>)[':status']);
    const fields = Object.entries(head).filter(([name]) => !name.startsWith(':'));
    const said = { headers: Object.fromEntries(fields), trailers, informed, waited };
    return answerOf(status, Buffer.concat(chunks), said);
  };
}

interface Injected {
  readonly statusCode: number;
  readonly headers: object;
  readonly rawPayload: Buffer;
  readonly trailers: object;
}

/** Without a connection, as light-my-request does. */
export function askInjecting(inject: (options: object) => Promise<Injected>): Ask {
  return async (path, question = {}) => {
    const { method = 'GET', headers = {} } = question;
    const start = performance.now();
    const response = await inject({ url: path, method, headers, signal: signalOf(question) });
    const { statusCode, rawPayload, trailers } = response;
    return answerOf(statusCode, rawPayload, {
      headers: response.headers as IncomingHttpHeaders,
      trailers,
      informed: [],
      waited: performance.now() - start,
    });
  };
}

type Said = Pick<Answer, 'headers' | 'trailers' | 'informed' | 'waited'>;

function answerOf(status: number, bytes: Buffer, { headers, trailers, ...said }: Said): Answer {
  const isCompressed = headers['content-encoding'] !== undefined && bytes.length > 0;
  const body = (isCompressed ? gunzipSync(bytes) : bytes).toString();
  const setCookies = [headers['set-cookie'] ?? []].flat();
  return { status, headers, setCookies, body, trailers: { ...trailers }, ...said };
}
