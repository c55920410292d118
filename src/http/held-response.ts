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

/** Decides when the first byte of an application's response may be sent. */
export interface ResponseGate {
  /** Begins the work that must be done before. `undefined`: none, the response may be sent at once. */
  commit(): Promise<void> | undefined;
  /** Called before the head is sent, the response's or that of an error in its place: adds headers. */
  beforeRelease(response: ServerResponse): void;
  /** After `commit()` failed: the status and the JSON body to send in place of the response. */
  refusal(error: unknown): { status: number; body: object };
  /** The same for a response that cannot be sent, such as one with an invalid status; all is stored. */
  unsendable(error: unknown): { status: number; body: object };
  /** The response was sent, or the client hung up. */
  onClose(): void;
}

type Call = [method: SendingMethod, original: SendingFunction, args: unknown[]];

/** `replaced`: an error was sent instead. */
type Phase = 'untouched' | 'held' | 'released' | 'replaced';

/** Headers that describe the replaced body or its transfer. */
const OF_THE_BODY =
  /^(content-(?!security-policy)|transfer-encoding$|trailer$|etag$|last-modified$|accept-ranges$|set-cookie$)/;

/**
 * Holds a response back from its first byte on until `gate.commit()` is done, however it is sent: returned
 * values, `@Res()`, redirects, exceptions, streams, on Express and on Fastify.
 */
export class HeldResponse implements ResponseHolder {
  /** The gates of other applications that the request has reached. */
  private otherGates: ResponseGate[] | undefined;
  private readonly isHttp2: boolean;
  private phase: Phase;
  private isRefused = false;
  /** Whether the error that replaced the response is sent. */
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
    this.isHttp2 = isHttp2(response);
    this.hasHead = response.headersSent;
    this.phase = this.hasHead ? 'released' : 'untouched';
    setHolder(response, this);
  }

  /** Holds a response. If it is already held for another application, it waits for both. */
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
    if (this.isHttp2) {
      const { stream } = this.response as unknown as Http2ServerResponse;
      return !(stream.destroyed || stream.closed);
    }
    // Node.js destroys each response that closes.
    return !(this.response.destroyed || this.response.socket?.destroyed);
  }

  /** Calls `gate.onClose()` when the response closes, unless it was refused. */
  watchClose(gate: ResponseGate): void {
    this.response.on('close', () => {
      if (!this.isRefused) gate.onClose();
    });
  }

  /** Whether the application has not begun to respond. */
  get isUntouched(): boolean {
    // HTTP/2 has a way past the response, to its stream.
    return this.phase === 'untouched' && !this.response.headersSent;
  }

  get isHeld(): boolean {
    return this.phase === 'held';
  }

  /** Keeps the session out of logs of the response. */
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
        // A pipeline may have missed 'finish'; it also continues at 'drain'.
        if (method === 'end') process.nextTick(() => this.response.emit('drain'));
        return method === 'write' ? this.hasFinished : this.response; // lets a stream flow to its end
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

  /** Calls `writeHead` first: wrappers around it, such as compression, decide there how to send the body. */
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
        this.abort(error);
      }
    };
    pending.then(
      () => settle(() => this.release()),
      (error: unknown) => settle(() => this.refuse(error)),
    );
    return this.keep(call);
  }

  /** Fails if one of the commits fails; what the others have stored stays stored. */
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
    // A call after `end` is an error in Node.js, too; it must not change the response.
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
    // The held `write` returned false, so its writer waits for 'drain', which Node.js does not emit here.
    if (accepted === true) this.response.emit('drain');
  }

  /** Sends an error in place of the response, unless the response already has the error's status. */
  private refuse(error: unknown): void {
    this.isRefused = true;
    const { status, body } = this.gate.refusal(error);
    if (this.response.statusCode === status) this.release();
    else this.replace(status, body);
  }

  /** Bypasses wrappers around the response: they may be finished already, or change this body. */
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
    // Not earlier: Node.js's web streams fail if a writer continues between `end` and 'finish'.
    const goOn = () => process.nextTick(() => this.goOn());
    response.once('finish', goOn).once('close', goOn);
    response.prependOnceListener('finish', () => this.endWriter());
    if (!this.isDeliverable) goOn();
    const { writeHead, end } = sendingFunctionsOf(response);
    writeHead.call(response, status);
    // Some responses do not drop the body of HEAD themselves, such as light-my-request's.
    if (response.req.method === 'HEAD') end.call(response);
    else end.call(response, text);
    this.phase = 'replaced';
  }

  /** Lets the writers of the response that was not sent continue. */
  private goOn(): void {
    if (this.hasFinished) return;
    this.hasFinished = true;
    callBack(this.calls.splice(0));
    this.response.emit('drain');
  }

  /**
   * A writer may wait for the 'drain' of a wrapper around `write`, such as compression's own stream, which is
   * destroyed with the response and emits nothing. So it gets an error, before 'finish' would report that
   * all it wrote is sent.
   */
  private endWriter(): void {
    const { response } = this;
    const mayWait = Object.hasOwn(response, 'write') && response.listenerCount('error') > 0;
    if (this.hasEnded || !mayWait) return;
    // A pipe would make it an uncaught error if there is no other listener.
    const ignore = () => undefined;
    response.on('error', ignore);
    response.emit('error', prematureCloseError());
    response.removeListener('error', ignore);
  }

  /** The held calls cannot be sent, such as an invalid status: sends an error, or drops the connection. */
  private abort(error: unknown): void {
    this.isRefused = true;
    try {
      const { status, body } = this.gate.unsendable(error);
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

  /** Runs after all wrappers around `writeHead`, also those that set headers only at the last moment. */
  private completeHead(args: unknown[]): unknown[] {
    this.hasHead = true;
    // Node.js applies the status itself.
    const rest = args.length > 1 ? applyHead(this.response, args) : args;
    this.beforeRelease();
    return rest;
  }
}

/** Calls the callbacks of calls that are not sent. */
function callBack(calls: Call[]): void {
  for (const [, , args] of calls) {
    const callback = args.at(-1);
    if (typeof callback === 'function') process.nextTick(callback);
  }
}

/** Restores the status of the time of the first byte: later changes of it are not for this response. */
function rememberStatus(response: ServerResponse): () => void {
  const { statusCode } = response;
  const statusMessage = isHttp2(response) ? '' : response.statusMessage;
  return () => {
    response.statusCode = statusCode;
    if (!isHttp2(response)) response.statusMessage = statusMessage;
  };
}

/** HTTP/1.1 needs no such step: it sends no trailers after a body with a `Content-Length`. */
function dropTrailers({ stream }: Http2ServerResponse): void {
  stream.removeAllListeners('wantTrailers');
  stream.once('wantTrailers', () => stream.sendTrailers({}));
}

/** HTTP/2 has no status message; Node.js warns of every use. */
function isHttp2(response: object): response is Http2ServerResponse {
  return 'stream' in response;
}
