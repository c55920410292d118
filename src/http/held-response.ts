import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { inspect } from 'node:util';

import {
  headersSentError,
  holderOf,
  prematureCloseError,
  sendingFunctionsOf,
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
  /** The head is about to go, the response's or that of an error in its place: adds what tells the client. */
  beforeRelease(response: ServerResponse): void;
  /** It failed: the status and the JSON body to send in place of the response. */
  refusal(error: unknown): { status: number; body: object };
  /** The connection is done with, be it that the response was sent or that the client hung up. */
  onClose(): void;
}

type Call = [method: SendingMethod, original: SendingFunction, args: unknown[]];

/** `replaced`: an error was sent instead. */
type Phase = 'untouched' | 'held' | 'released' | 'replaced';

/** What describes the body that is replaced, or how it was to be sent, whoever said so and when. */
const OF_THE_BODY =
  /^(content-(?!security-policy)|transfer-encoding$|trailer$|etag$|last-modified$|accept-ranges$|set-cookie$)/;

/**
 * Holds a response back from its first byte on until `gate.commit()` is done, whatever way it is sent:
 * returned values, `@Res()`, redirects, exceptions, streams, on Express and on Fastify.
 */
export class HeldResponse implements ResponseHolder {
  /** Of other applications that the request has reached. */
  private otherGates: ResponseGate[] | undefined;
  private phase: Phase;
  private isRefused = false;
  /** Whether the error that was sent instead is out. */
  private hasFinished = false;
  /** Whether its head is complete. */
  private hasHead: boolean;
  private calls: Call[] = [];
  /** Whether the application has ended the response, though it was not sent. */
  hasEnded = false;

  /**
   * `earlierHeaders`: the names of those that were there before the session was used, such as CORS
   * headers; a refusal keeps them.
   */
  constructor(
    private readonly response: ServerResponse,
    private readonly gate: ResponseGate,
    private readonly earlierHeaders: readonly string[] = response.getHeaderNames(),
  ) {
    this.hasHead = response.headersSent;
    this.phase = this.hasHead ? 'released' : 'untouched';
    setHolder(response, this);
  }

  /** Holds a response; one that is held for another application, for both. */
  static of(
    response: ServerResponse,
    gate: ResponseGate,
    earlierHeaders?: readonly string[],
  ): HeldResponse {
    const held = holderOf(response);
    if (!(held instanceof HeldResponse)) return new HeldResponse(response, gate, earlierHeaders);
    (held.otherGates ??= []).push(gate);
    return held;
  }

  /** Whether the client may still receive what is sent. */
  get isDeliverable(): boolean {
    const { response } = this;
    if (isHttp2(response)) return !(response.stream.destroyed || response.stream.closed);
    return !(response.destroyed || response.closed || response.socket?.destroyed);
  }

  /** A gate is told when the connection is done with, unless it is already. */
  watchClose(gate: ResponseGate): void {
    this.response.on('close', () => {
      if (!this.isRefused) gate.onClose();
    });
  }

  /** Whether the application has not begun to respond. */
  get isUntouched(): boolean {
    return this.phase === 'untouched';
  }

  get isHeld(): boolean {
    return this.phase === 'held';
  }

  /** Whoever logs a response must not log its session. */
  [inspect.custom](): string {
    return 'HeldResponse';
  }

  call(method: SendingMethod, original: SendingFunction, args: unknown[]): unknown {
    switch (this.phase) {
      case 'released':
        return this.send(method, original, args);
      case 'replaced':
        this.hasEnded ||= method === 'end';
        callBack([[method, original, args]]);
        // A pipeline may have missed that it finished; it waits for either.
        if (method === 'end') process.nextTick(() => this.response.emit('drain'));
        return method === 'write' ? this.hasFinished : this.response; // so that a stream flows on to its end
      case 'held':
        if (method === 'writeHead') throw headersSentError('write');
        return this.keep([method, original, args]);
      case 'untouched':
        if (method === 'flushHeaders') return this.flush(original);
        return this.begin([
          method,
          original,
          method === 'writeHead' ? applyHead(this.response, args) : args,
        ]);
    }
  }

  /** Whoever put something around `writeHead` decides by it how to send the body: it has to be asked. */
  private flush(original: SendingFunction): unknown {
    this.response.writeHead(this.response.statusCode);
    return this.call('flushHeaders', original, []);
  }

  private begin(call: Call): unknown {
    const pending = this.otherGates ? this.commitAll(this.otherGates) : this.gate.commit();
    if (!pending) {
      this.phase = 'released';
      return this.send(...call);
    }
    this.phase = 'held';
    const restoreStatus = rememberStatus(this.response);
    const settle = (go: () => void) => {
      this.phase = 'released';
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

  /** What one of them cannot store must not be said to be; what the others have stored stays. */
  private commitAll(others: readonly ResponseGate[]): Promise<void> | undefined {
    const pending = [this.gate, ...others].flatMap((gate) => gate.commit() ?? []);
    if (pending.length === 0) return undefined;
    return Promise.allSettled(pending).then((results) => {
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    });
  }

  private beforeRelease(): void {
    this.gate.beforeRelease(this.response);
    for (const gate of this.otherGates ?? []) gate.beforeRelease(this.response);
  }

  private keep(call: Call): unknown {
    // What comes after an end is an error in Node.js, too; it must not harm the response.
    if (this.hasEnded) callBack([call]);
    else this.calls.push(call);
    this.hasEnded ||= call[0] === 'end';
    return call[0] === 'write' ? false : this.response; // as for a full buffer; 'drain' follows
  }

  private release(): void {
    let accepted: unknown = false;
    for (const call of this.calls.splice(0)) {
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

  /** Past whatever is put around the response: it may have been used up, or make another body of this. */
  private replace(status: number, body: object): void {
    const { response } = this;
    for (const name of response.getHeaderNames()) {
      const isKept = this.earlierHeaders.includes(name) || name.startsWith('access-control-');
      if (!isKept || OF_THE_BODY.test(name)) response.removeHeader(name);
    }
    const text = JSON.stringify(body);
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    response.setHeader('Cache-Control', 'no-store');
    this.hasHead = true;
    this.beforeRelease();
    if (isHttp2(response)) dropTrailers(response);
    else response.statusMessage = '';
    // Not before: to whoever writes between `end` and 'finish', Node.js's web streams are not safe.
    const goOn = () => process.nextTick(() => this.goOn());
    response.once('finish', goOn).once('close', goOn);
    response.prependOnceListener('finish', () => this.endWriter());
    if (!this.isDeliverable) goOn();
    const { writeHead, end } = sendingFunctionsOf(response);
    writeHead.call(response, status);
    // Not every response knows by itself that there is no body here, as that of a test without a connection.
    if (response.req.method === 'HEAD') end.call(response);
    else end.call(response, text);
    this.phase = 'replaced';
  }

  /** Those who wait for what was not sent. */
  private goOn(): void {
    if (this.hasFinished) return;
    this.hasFinished = true;
    callBack(this.calls.splice(0));
    this.response.emit('drain');
  }

  /**
   * A writer may wait for the 'drain' of what is put around `write`, such as compression's own stream, which
   * is destroyed with the response and says nothing: it learns of the end by an error, before 'finish'
   * would tell it that all it wrote is sent.
   */
  private endWriter(): void {
    const { response } = this;
    const mayWait = Object.hasOwn(response, 'write') && response.listenerCount('error') > 0;
    if (this.hasEnded || !mayWait) return;
    // A pipe makes it an uncaught error if nobody else listens.
    const ignore = () => undefined;
    response.on('error', ignore);
    response.emit('error', prematureCloseError());
    response.removeListener('error', ignore);
  }

  /** What was held cannot be sent, such as a status that is none; nobody is left to be told. */
  private giveUp(error: unknown): void {
    this.isRefused = true;
    try {
      const { status, body } = this.gate.refusal(error);
      if (!this.response.headersSent) return this.replace(status, body);
    } catch {
      // Not even an error can be sent.
    }
    this.response.destroy();
  }

  private send(method: SendingMethod, original: SendingFunction, args: unknown[]): unknown {
    const isHead = method === 'writeHead' && !this.hasHead;
    return original.apply(this.response, isHead ? this.completeHead(args) : args);
  }

  /** Whatever is put around `writeHead` has had its say, even what speaks at the last moment only. */
  private completeHead(args: unknown[]): unknown[] {
    this.hasHead = true;
    const rest = applyHead(this.response, args);
    this.beforeRelease();
    return rest;
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

/** Over HTTP/1.1 none are sent after a body whose length was told. */
function dropTrailers({ stream }: Http2ServerResponse): void {
  stream.removeAllListeners('wantTrailers');
  stream.once('wantTrailers', () => stream.sendTrailers({}));
}

/** HTTP/2 has no status message; Node.js warns of every use. */
function isHttp2(response: object): response is Http2ServerResponse {
  return 'stream' in response;
}
