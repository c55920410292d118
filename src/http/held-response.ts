import type { ServerResponse } from 'node:http';

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

type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders';
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- four overloaded signatures
type Originals = Record<Method, Function>;
type Call = [Method, unknown[]];

/** `replaced`: an error was sent instead. */
type Phase = 'untouched' | 'held' | 'released' | 'replaced';

const HOLD = Symbol('held response');

interface HeldResponse extends ServerResponse {
  [HOLD]: Hold;
}

/**
 * Holds a response back from its first byte on until `gate.commit()` is done. It replaces the four
 * methods of the raw response that send something, so that it holds whatever way it is sent:
 * returned values, `@Res()`, redirects, exceptions, streams, on Express and on Fastify.
 */
export function holdResponse(response: ServerResponse, gate: ResponseGate): Hold {
  const hold = new Hold(response, gate);
  const held = response as HeldResponse;
  held[HOLD] = hold;
  held.writeHead = writeHead;
  held.write = write;
  held.end = end;
  held.flushHeaders = flushHeaders;
  held.once('close', onClose);
  return hold;
}

function writeHead(this: HeldResponse, ...args: unknown[]): HeldResponse {
  this[HOLD].call('writeHead', args);
  return this;
}

function write(this: HeldResponse, ...args: unknown[]): boolean {
  return this[HOLD].call('write', args) as boolean;
}

function end(this: HeldResponse, ...args: unknown[]): HeldResponse {
  this[HOLD].call('end', args);
  return this;
}

function flushHeaders(this: HeldResponse): void {
  this[HOLD].call('flushHeaders', []);
}

function onClose(this: HeldResponse): void {
  this[HOLD].close();
}

/** One response's hold: what was called meanwhile, and how to go on. */
class Hold {
  private phase: Phase;
  private isRefused = false;
  private calls: Call[] = [];
  private readonly originals: Originals;
  /** What was there before the session was used, such as CORS headers; a refusal keeps it. */
  private readonly earlierHeaders: string[];

  constructor(
    private readonly response: ServerResponse,
    private readonly gate: ResponseGate,
  ) {
    const original = (method: Method) => Reflect.get(response, method) as Originals[Method];
    this.originals = {
      writeHead: original('writeHead'),
      write: original('write'),
      end: original('end'),
      flushHeaders: original('flushHeaders'),
    };
    this.phase = response.headersSent ? 'released' : 'untouched';
    this.earlierHeaders = response.getHeaderNames();
  }

  /** Whether the application has not begun to respond. */
  get isUntouched(): boolean {
    return this.phase === 'untouched';
  }

  call(method: Method, args: unknown[]): unknown {
    switch (this.phase) {
      case 'released':
        return this.send(method, args);
      case 'replaced':
        callBack([[method, args]]);
        return true; // swallowed, so that a stream flows on to its end
      case 'held':
        if (method === 'writeHead') throw headersSentError();
        this.calls.push([method, args]);
        return false; // as for a full buffer; 'drain' follows
      case 'untouched':
        return this.begin(method, method === 'writeHead' ? applyHead(this.response, args) : args);
    }
  }

  close(): void {
    if (!this.isRefused) this.gate.onClose();
  }

  private begin(method: Method, args: unknown[]): unknown {
    const pending = this.gate.commit();
    if (!pending) {
      this.phase = 'released';
      this.gate.beforeRelease(this.response);
      return this.send(method, args);
    }
    this.phase = 'held';
    this.calls.push([method, args]);
    const { statusCode, statusMessage } = this.response;
    this.pretendSent();
    const settle = (go: () => void) => {
      this.stopPretending();
      Object.assign(this.response, { statusCode, statusMessage });
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
    return false;
  }

  private release(): void {
    this.phase = 'released';
    this.gate.beforeRelease(this.response);
    let accepted: unknown = false;
    for (let call = this.calls.shift(); call; call = this.calls.shift()) {
      const result = this.send(...call);
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
    this.phase = 'replaced';
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
    response.statusMessage = '';
    this.send('writeHead', [status]);
    this.send('end', [text]);
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

  private send(method: Method, args: unknown[]): unknown {
    return this.originals[method].apply(this.response, args) as unknown;
  }

  /** To the application a held response is begun, so that it does not begin another one. */
  private pretendSent(): void {
    const hasEnded = () => this.calls.some(([method]) => method === 'end');
    Object.defineProperties(this.response, {
      headersSent: { get: () => true, configurable: true },
      writableEnded: { get: hasEnded, configurable: true },
    });
  }

  private stopPretending(): void {
    Reflect.deleteProperty(this.response, 'headersSent');
    Reflect.deleteProperty(this.response, 'writableEnded');
  }
}

export type { Hold };

/** Calls back those who wait for what is not sent after all. */
function callBack(calls: Call[]): void {
  for (const [, args] of calls) {
    const callback = args.at(-1);
    if (typeof callback === 'function') process.nextTick(callback);
  }
}

/** What Node.js throws to whoever writes a second head. */
function headersSentError(): Error {
  const error = new Error('Cannot write headers after they are sent to the client');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
