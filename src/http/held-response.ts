import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

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
type Phase = 'untouched' | 'held' | 'released' | 'refused';

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
  private calls: [Method, unknown[]][] = [];
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
      case 'refused':
        return true; // swallowed, so that a stream flows on to its end
      case 'held':
        this.remember(method, args);
        return false; // as for a full buffer; 'drain' follows
      case 'untouched':
        return this.begin(method, args);
    }
  }

  close(): void {
    this.gate.onClose();
  }

  private begin(method: Method, args: unknown[]): unknown {
    const pending = this.gate.commit();
    if (!pending) {
      this.phase = 'released';
      if (method === 'writeHead') args = takeApart(this.response, args);
      this.gate.beforeRelease(this.response);
      return this.send(method, args);
    }
    this.phase = 'held';
    this.remember(method, args);
    const { statusCode, statusMessage } = this.response;
    this.pretendSent();
    pending.then(
      () => {
        this.stopPretending();
        Object.assign(this.response, { statusCode, statusMessage });
        this.release();
      },
      (error: unknown) => {
        this.stopPretending();
        this.refuse(error);
      },
    );
    return false;
  }

  private remember(method: Method, args: unknown[]): void {
    this.calls.push([method, method === 'writeHead' ? takeApart(this.response, args) : args]);
  }

  private release(): void {
    this.phase = 'released';
    this.gate.beforeRelease(this.response);
    let accepted: unknown = false;
    for (const [method, args] of this.calls) {
      const result = this.send(method, args);
      if (method === 'write') accepted = result;
    }
    this.calls = [];
    // Its writer was told to wait, and Node.js only calls those whom it told so itself.
    if (accepted === true) this.response.emit('drain');
  }

  private refuse(error: unknown): void {
    this.phase = 'refused';
    this.calls = [];
    const { response } = this;
    for (const name of response.getHeaderNames()) {
      if (!this.earlierHeaders.includes(name) && !name.startsWith('access-control-')) {
        response.removeHeader(name);
      }
    }
    const { status, body } = this.gate.refusal(error);
    const text = JSON.stringify(body);
    response.removeHeader('set-cookie');
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.setHeader('Cache-Control', 'no-store');
    response.statusMessage = '';
    this.send('writeHead', [status]);
    this.send('end', [text]);
    response.emit('drain');
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

/**
 * Does what `writeHead(status, message?, headers?)` does to a response that is not sent yet, since
 * headers that are passed to the real one would not be merged with those of a `Set-Cookie`.
 * Returns what remains to be passed on.
 */
function takeApart(response: ServerResponse, args: unknown[]): unknown[] {
  const [status, second, third] = args as [number, unknown, unknown];
  const headers = typeof second === 'string' ? third : second;
  response.statusCode = status;
  if (typeof second === 'string') response.statusMessage = second;
  if (Array.isArray(headers)) setFromList(response, headers as unknown[]);
  else if (headers) {
    for (const [name, value] of Object.entries(headers as OutgoingHttpHeaders)) {
      if (value !== undefined) response.setHeader(name, value);
    }
  }
  return typeof second === 'string' ? [status, second] : [status];
}

/** Node.js takes `[name, value, name, value, …]` and `[[name, value], …]`; a name may recur. */
function setFromList(response: ServerResponse, list: unknown[]): void {
  const flat = (Array.isArray(list[0]) ? list.flat(1) : list) as (string | string[])[];
  const seen = new Set<string>();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = String(flat[i]);
    const value = flat[i + 1]!;
    if (seen.has(name.toLowerCase())) response.appendHeader(name, value);
    else response.setHeader(name, value);
    seen.add(name.toLowerCase());
  }
}
