import type { ServerResponse } from 'node:http';

import {
  headersSentError,
  pretendSent,
  setHolder,
  type ResponseHolder,
  type SendingFunction,
  type SendingMethod,
} from './holdable-response.js';
import { applyHead } from './response-head.js';

/** What stands between an application and the first byte of its response. */
export interface ResponseGate {
  /** Begins what has to be done first. `undefined`: nothing has, the response may go. */
  commit(): Promise<void> | undefined;
  /** It is done: adds the headers that tell the client of it. */
  beforeRelease(response: ServerResponse): void;
  /** It failed: the status and the JSON body to send in place of the response. */
  refusal(error: unknown): { status: number; body: object };
  /** The connection is done with, be it that the response was sent or that the client hung up. */
  onClose(): void;
}

type Call = [SendingMethod, SendingFunction, unknown[]];

/** `replaced`: an error was sent instead. */
type Phase = 'untouched' | 'held' | 'released' | 'replaced';

/**
 * Holds a response back from its first byte on until `gate.commit()` is done, whatever way it is sent:
 * returned values, `@Res()`, redirects, exceptions, streams, on Express and on Fastify.
 */
export class HeldResponse implements ResponseHolder {
  private phase: Phase;
  private isRefused = false;
  private calls: Call[] = [];
  /** What was there before the session was used, such as CORS headers; a refusal keeps it. */
  private readonly earlierHeaders: string[];

  constructor(
    private readonly response: ServerResponse,
    private readonly gate: ResponseGate,
  ) {
    this.phase = response.headersSent ? 'released' : 'untouched';
    this.earlierHeaders = response.getHeaderNames();
    setHolder(response, this);
    response.on('close', () => this.close());
  }

  /** Whether the application has not begun to respond. */
  get isUntouched(): boolean {
    return this.phase === 'untouched';
  }

  get hasEnded(): boolean {
    return this.calls.some(([method]) => method === 'end');
  }

  call(method: SendingMethod, original: SendingFunction, args: unknown[]): unknown {
    switch (this.phase) {
      case 'released':
        return original.apply(this.response, args);
      case 'replaced':
        callBack([[method, original, args]]);
        return method === 'write' ? true : this.response; // so that a stream flows on to its end
      case 'held':
        if (method === 'writeHead') throw headersSentError();
        return this.keep([method, original, args]);
      case 'untouched':
        return this.begin([
          method,
          original,
          method === 'writeHead' ? applyHead(this.response, args) : args,
        ]);
    }
  }

  private close(): void {
    if (!this.isRefused) this.gate.onClose();
  }

  private begin(call: Call): unknown {
    const pending = this.gate.commit();
    if (!pending) {
      this.phase = 'released';
      this.gate.beforeRelease(this.response);
      return this.send(call);
    }
    this.phase = 'held';
    const restoreStatus = rememberStatus(this.response);
    const stopPretending = pretendSent(this.response);
    const settle = (go: () => void) => {
      stopPretending();
      restoreStatus();
      try {
        go();
      } catch (error) {
        this.giveUp(error);
      }
    };
    pending.then(
      () => settle(() => this.release()),
      (error: unknown) => settle(() => this.refuse(error)),
    );
    return this.keep(call);
  }

  private keep(call: Call): unknown {
    // What comes after an end is an error in Node.js, too; it must not harm the response.
    if (this.hasEnded) callBack([call]);
    else this.calls.push(call);
    return call[0] === 'write' ? false : this.response; // as for a full buffer; 'drain' follows
  }

  private release(): void {
    this.phase = 'released';
    this.gate.beforeRelease(this.response);
    let accepted: unknown = false;
    for (let call = this.calls.shift(); call; call = this.calls.shift()) {
      const result = this.send(call);
      if (call[0] === 'write') accepted = result;
    }
    // Its writer was told to wait, and Node.js only calls those whom it told so itself.
    if (accepted === true) this.response.emit('drain');
  }

  /** Sends an error in place of the response, unless that already is the application's own of it. */
  private refuse(error: unknown): void {
    this.isRefused = true;
    const { status, body } = this.gate.refusal(error);
    if (this.response.statusCode === status) this.release();
    else this.replace(status, body);
  }

  private replace(status: number, body: object): void {
    const { response } = this;
    for (const name of response.getHeaderNames()) {
      if (!this.earlierHeaders.includes(name) && !name.startsWith('access-control-')) {
        response.removeHeader(name);
      }
    }
    const text = JSON.stringify(body);
    response.removeHeader('set-cookie');
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.setHeader('Cache-Control', 'no-store');
    if (!isHttp2(response)) response.statusMessage = '';
    this.phase = 'released';
    response.writeHead(status);
    response.end(text);
    this.phase = 'replaced';
    callBack(this.calls.splice(0));
    response.emit('drain');
  }

  /** What was held cannot be sent, such as a status that is none; nobody is left to be told. */
  private giveUp(error: unknown): void {
    this.isRefused = true;
    const { status, body } = this.gate.refusal(error);
    if (this.response.headersSent) this.response.destroy();
    else this.replace(status, body);
  }

  private send([, original, args]: Call): unknown {
    return original.apply(this.response, args);
  }
}

/** Calls back those who wait for what is not sent after all. */
function callBack(calls: Call[]): void {
  for (const [, , args] of calls) {
    const callback = args.at(-1);
    if (typeof callback === 'function') process.nextTick(callback);
  }
}

/** What the application sets after it has ended the response is not for that response. */
function rememberStatus(response: ServerResponse): () => void {
  const { statusCode } = response;
  const statusMessage = isHttp2(response) ? '' : response.statusMessage;
  return () => {
    response.statusCode = statusCode;
    if (!isHttp2(response)) response.statusMessage = statusMessage;
  };
}

/** HTTP/2 has no status message; Node.js warns of every use. */
function isHttp2(response: ServerResponse): boolean {
  return 'stream' in response;
}
