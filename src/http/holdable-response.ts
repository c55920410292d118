import { ServerResponse } from 'node:http';
import { Http2ServerResponse } from 'node:http2';

/** The methods of a response that send something. */
const SENDING_METHODS = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

/** Those that change its head, by what Node.js says of them once it is sent. */
const HEAD_METHODS = {
  setHeader: 'set',
  setHeaders: 'set',
  appendHeader: 'append',
  removeHeader: 'remove',
} as const;

export type SendingMethod = (typeof SENDING_METHODS)[number];
export type SendingFunction = (...args: unknown[]) => unknown;
export type SendingFunctions = Readonly<Record<SendingMethod, SendingFunction>>;

/** What decides on the calls of a response's sending methods. */
export interface ResponseHolder {
  call(method: SendingMethod, original: SendingFunction, args: unknown[]): unknown;
  /** It looks as if it were sent, so that the application does not begin another one. */
  readonly isHeld: boolean;
  /** Whether the application has ended the response, though it was not sent. */
  readonly hasEnded: boolean;
}

/** Registered, as another copy of this package finds the same prototypes. The number is of their form. */
const HOLDER = Symbol.for('nestjs-session-manager.response-holder.1');
const ORIGINALS = Symbol.for('nestjs-session-manager.sending-methods.1');

interface HoldableResponse extends ServerResponse {
  [HOLDER]?: ResponseHolder;
  /** On the prototype. */
  readonly [ORIGINALS]: SendingFunctions;
}

/** Node.js's own responses: once for the process, and without effect on those that nobody holds. */
export function makeResponsesHoldable(): void {
  makeHoldable(ServerResponse.prototype);
  makeHoldable(Http2ServerResponse.prototype);
}

/**
 * From now on the holder is asked, below whatever else is put around the response: compression, another
 * session library, a probe.
 */
export function setHolder(response: ServerResponse, holder: ResponseHolder): void {
  (response as HoldableResponse)[HOLDER] = holder;
  // Not only is it no connection's; it also takes a response for ended when its `end` returns.
  if ('_lightMyRequest' in response) makeHoldable(Object.getPrototypeOf(response) as object);
  else if (!(ORIGINALS in response)) makeHoldable(innermostPrototypeOf(response));
}

/** What was set for it. */
export function holderOf(response: ServerResponse): ResponseHolder | undefined {
  return (response as HoldableResponse)[HOLDER];
}

/** What sends, whatever is put around it. */
export function sendingFunctionsOf(response: ServerResponse): SendingFunctions {
  return (response as HoldableResponse)[ORIGINALS];
}

/**
 * What Node.js throws to whoever changes a head that is sent. `verb`: `set`, `append`, `remove` or
 * `write`.
 */
export function headersSentError(verb: string): Error {
  const error = new Error(`Cannot ${verb} headers after they are sent to the client`);
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}

/** As Node.js says it to whoever waits for a stream that closed before its end. */
export function prematureCloseError(): Error {
  return Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

/** Gives a prototype methods that ask the response's holder, if it has one. */
function makeHoldable(prototype: object): void {
  if (Object.hasOwn(prototype, ORIGINALS)) return;
  const originals = {} as Record<SendingMethod, SendingFunction>;
  for (const method of SENDING_METHODS) {
    const original = Reflect.get(prototype, method) as SendingFunction;
    originals[method] = original;
    define(prototype, method, function (this: HoldableResponse, ...args: unknown[]) {
      const holder = this[HOLDER];
      return holder ? holder.call(method, original, args) : original.apply(this, args);
    });
  }
  // Node.js's old name for `writeHead`, by which it is called past whatever is put around that.
  if ('writeHeader' in prototype) {
    define(prototype, 'writeHeader', Reflect.get(prototype, 'writeHead') as SendingFunction);
  }
  for (const [method, verb] of Object.entries(HEAD_METHODS)) {
    const original = Reflect.get(prototype, method) as SendingFunction | undefined;
    if (!original) continue;
    define(prototype, method, function (this: HoldableResponse, ...args: unknown[]) {
      if (this[HOLDER]?.isHeld) throw headersSentError(verb);
      return original.apply(this, args);
    });
  }
  // Compression and others call it before they write, unless they see a head, which is not there yet.
  const implyHead = Reflect.get(prototype, '_implicitHeader') as (() => void) | undefined;
  if (implyHead) {
    define(prototype, '_implicitHeader', function (this: HoldableResponse) {
      if (!this[HOLDER]?.isHeld) implyHead.call(this);
    });
  }
  defineGetter(prototype, 'headersSent', () => true);
  defineGetter(prototype, 'writableEnded', ({ hasEnded }) => hasEnded);
  Object.defineProperty(prototype, ORIGINALS, { value: originals });
}

function define(
  prototype: object,
  method: string,
  value: (this: HoldableResponse, ...args: unknown[]) => unknown,
): void {
  const { enumerable } = descriptorOf(prototype, method) ?? {};
  Object.defineProperty(prototype, method, {
    ...{ value, enumerable, configurable: true, writable: true },
  });
}

/** A property that has another value while the response is held. */
function defineGetter(prototype: object, name: string, held: (holder: ResponseHolder) => unknown) {
  const original = descriptorOf(prototype, name);
  Object.defineProperty(prototype, name, {
    get(this: HoldableResponse) {
      const holder = this[HOLDER];
      return holder?.isHeld ? held(holder) : (original?.get?.call(this) as unknown);
    },
    configurable: true,
    enumerable: original?.enumerable ?? false,
  });
}

/** Of the member that is used, its own or an inherited one: whoever lists them finds the same. */
function descriptorOf(prototype: object, name: string): PropertyDescriptor | undefined {
  let at: object | null = prototype;
  while (at && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at) as object | null;
  return at ? Object.getOwnPropertyDescriptor(at, name) : undefined;
}

/** Of a response that is not Node.js's own: where its class has the methods that send. */
function innermostPrototypeOf(response: object): object {
  let innermost = Object.getPrototypeOf(response) as object;
  for (let at: object | null = innermost; at; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, 'writeHead')) innermost = at;
  }
  return innermost;
}
