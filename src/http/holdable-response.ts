import type { ServerResponse } from 'node:http';

/** The methods of a response that send something. */
export const SENDING_METHODS = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

export type SendingMethod = (typeof SENDING_METHODS)[number];
export type SendingFunction = (...args: unknown[]) => unknown;

/** What decides on the calls of a response's sending methods. */
export interface ResponseHolder {
  call(method: SendingMethod, original: SendingFunction, args: unknown[]): unknown;
  /** Whether the application has ended the response, though it was not sent. */
  readonly hasEnded: boolean;
}

const holders = new WeakMap<object, ResponseHolder>();
/** To a prototype itself, if it is holdable, or the one that inherits from it and is. */
const holdablePrototypes = new WeakMap<object, object>();

/**
 * Gives a prototype of responses sending methods that ask the response's holder, if it has one. On a
 * prototype, since whatever is added to a response itself slows down all that Node.js and Express do
 * with it afterwards, by more than everything else that is done here.
 */
export function makeHoldable(prototype: object): void {
  Object.defineProperties(prototype, holdingProperties(prototype));
  holdablePrototypes.set(prototype, prototype);
}

/** From now on the holder is asked. */
export function setHolder(response: ServerResponse, holder: ResponseHolder): void {
  holders.set(response, holder);
  const prototype = Object.getPrototypeOf(response) as object;
  if (holdablePrototypes.get(prototype) === prototype) return;
  if (SENDING_METHODS.some((method) => Object.hasOwn(response, method))) {
    // Somebody, such as a compression, has put methods of its own on it, which would not ask.
    Object.defineProperties(response, holdingProperties(response));
  } else {
    Object.setPrototypeOf(response, holdableHeirOf(prototype));
  }
}

function holdableHeirOf(prototype: object): object {
  let heir = holdablePrototypes.get(prototype);
  if (!heir) {
    heir = Object.create(prototype) as object;
    makeHoldable(heir);
    holdablePrototypes.set(prototype, heir);
  }
  return heir;
}

function holdingProperties(target: object): PropertyDescriptorMap {
  const properties: PropertyDescriptorMap = {};
  for (const method of SENDING_METHODS) properties[method] = sendingProperty(target, method);
  return properties;
}

function sendingProperty(target: object, method: SendingMethod): PropertyDescriptor {
  const original = Reflect.get(target, method) as SendingFunction;
  const value = function (this: ServerResponse, ...args: unknown[]): unknown {
    const holder = holders.get(this);
    return holder ? holder.call(method, original, args) : original.apply(this, args);
  };
  return { value, configurable: true, writable: true };
}

const sentPrototypes = new WeakMap<object, object>();

/**
 * Makes a held response look as if it were sent, so that the application does not begin another one:
 * Node.js's own responses refuse further headers then. Returns how to end that.
 */
export function pretendSent(response: ServerResponse): () => void {
  const prototype = Object.getPrototypeOf(response) as object;
  let pretending = sentPrototypes.get(prototype);
  if (!pretending) {
    pretending = Object.create(prototype, SENT_PROPERTIES) as object;
    sentPrototypes.set(prototype, pretending);
  }
  Object.setPrototypeOf(response, pretending);
  return () => void Object.setPrototypeOf(response, prototype);
}

const SENT_PROPERTIES: PropertyDescriptorMap = {
  headersSent: { get: () => true },
  writableEnded: {
    get(this: ServerResponse) {
      return holders.get(this)?.hasEnded;
    },
  },
};
for (const method of ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader']) {
  SENT_PROPERTIES[method] = {
    value: () => {
      throw headersSentError();
    },
  };
}

/** What Node.js throws to whoever changes a head that is sent. */
export function headersSentError(): Error {
  const error = new Error('Cannot write headers after they are sent to the client');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
