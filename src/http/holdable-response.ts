import { ServerResponse } from 'node:http';
import { Http2ServerResponse } from 'node:http2';

/** The methods of a response that send its head or body. */
const SENDING_METHODS = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

/** The methods that change its head, and the verb in Node.js's error when the head is sent. */
const HEAD_METHODS = {
  setHeader: 'set',
  setHeaders: 'set',
  appendHeader: 'append',
  removeHeader: 'remove',
} as const;

/** The properties that have another value while the response is held. */
const WHILE_HELD: Readonly<Record<string, (holder: ResponseHolder) => unknown>> = {
  headersSent: () => true,
  writableEnded: ({ hasEnded }) => hasEnded,
};

/** Those that a prototype does not let redefine, as in Bun: each held response gets its own. */
const FIXED = Object.keys(WHILE_HELD).filter((name) => isFixed(ServerResponse.prototype, name));

export type SendingMethod = (typeof SENDING_METHODS)[number];
export type SendingFunction = (...args: unknown[]) => unknown;
export type SendingFunctions = Readonly<Record<SendingMethod, SendingFunction>>;

/** Receives the calls of a response's sending methods. */
export interface ResponseHolder {
  call(method: SendingMethod, original: SendingFunction, args: unknown[]): unknown;
  /** The response appears as sent, so that the application does not begin another one. */
  readonly isHeld: boolean;
  /** Whether the application has ended the response, though it was not sent. */
  readonly hasEnded: boolean;
}

/** Global symbols, because another copy of this package uses the same prototypes. The number is a version. */
const HOLDER = Symbol.for('nestjs-session-manager.response-holder.1');
const ORIGINALS = Symbol.for('nestjs-session-manager.sending-methods.1');

interface HoldableResponse extends ServerResponse {
  [HOLDER]?: ResponseHolder | undefined;
  /** On the prototype. */
  readonly [ORIGINALS]: SendingFunctions;
}

/** The prototypes whose responses have methods that call their holder. */
const holdable = new WeakSet<object>();

/** Changes Node.js's response classes, once per process. Responses without a holder behave as before. */
export function makeResponsesHoldable(): void {
  makeHoldable(ServerResponse.prototype);
  makeHoldable(Http2ServerResponse.prototype);
}

/**
 * From now on the holder receives the response's calls, after all wrappers around its methods, such as those
 * of compression, another session library or a tracing library.
 */
export function setHolder(response: ServerResponse, holder: ResponseHolder): void {
  (response as HoldableResponse)[HOLDER] = holder;
  for (const name of FIXED) defineGetter(response, name, WHILE_HELD[name]!);
  const prototype = Object.getPrototypeOf(response) as object;
  if (holdable.has(prototype)) return;
  holdable.add(prototype);
  // light-my-request's responses have no connection, and count as ended when their `end` returns.
  if ('_lightMyRequest' in response) makeHoldable(prototype);
  else if (!(ORIGINALS in response)) makeHoldable(innermostPrototypeOf(response));
}

/**
 * Gives a response the property for its holder before Express changes its prototype. After that, a new
 * property would give each response a hidden class of its own in V8 before version 13 (Node.js 20 and 22).
 */
export function reserveHolder(response: ServerResponse): void {
  (response as HoldableResponse)[HOLDER] ??= undefined;
}

export function holderOf(response: ServerResponse): ResponseHolder | undefined {
  return (response as HoldableResponse)[HOLDER];
}

/** The original methods, without any wrappers. */
export function sendingFunctionsOf(response: ServerResponse): SendingFunctions {
  return (response as HoldableResponse)[ORIGINALS];
}

/**
 * Node.js's error for a change to a head that is sent. `verb`: `set`, `append`, `remove` or `write`.
 */
export function headersSentError(verb: string): Error {
  const error = new Error(`Cannot ${verb} headers after they are sent to the client`);
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}

/** Node.js's error for a stream that closed before its end. */
export function prematureCloseError(): Error {
  return Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

/** Replaces a prototype's methods with ones that call the response's holder, if it has one. */
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
  // Node.js's old name for `writeHead`, which bypasses wrappers around `writeHead`.
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
  // Compression and other libraries call it before they write. While held, the head must not be written.
  const implyHead = Reflect.get(prototype, '_implicitHeader') as (() => void) | undefined;
  if (implyHead) {
    define(prototype, '_implicitHeader', function (this: HoldableResponse) {
      if (!this[HOLDER]?.isHeld) implyHead.call(this);
    });
  }
  for (const [name, held] of Object.entries(WHILE_HELD)) {
    if (!isFixed(prototype, name)) defineGetter(prototype, name, held);
  }
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

/** Defines a property that has another value while the response is held. */
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

/** The descriptor of an own or inherited member, so that the new member is as enumerable as the old one. */
function descriptorOf(prototype: object, name: string): PropertyDescriptor | undefined {
  let at: object | null = prototype;
  while (at && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at) as object | null;
  return at ? Object.getOwnPropertyDescriptor(at, name) : undefined;
}

function isFixed(prototype: object, name: string): boolean {
  return Object.hasOwn(prototype, name) && descriptorOf(prototype, name)!.configurable === false;
}

/** The prototype that defines the sending methods of a response which is not Node.js's own. */
function innermostPrototypeOf(response: object): object {
  let innermost = Object.getPrototypeOf(response) as object;
  for (let at: object | null = innermost; at; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, 'writeHead')) innermost = at;
  }
  return innermost;
}
