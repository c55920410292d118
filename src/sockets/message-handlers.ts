import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';

import { currentMessage } from './current-message.js';

/** The metadata key of `@SubscribeMessage()` of `@nestjs/websockets`. */
const HANDLES_MESSAGES = 'websockets:message_mapping';

type Handler = (this: unknown, ...args: unknown[]) => unknown;

/** Handlers that are wrapped already: a gateway may be in several applications, or be a base class. */
const wrappers = new WeakSet<object>();

/**
 * Wraps the handlers of a gateway, so that a message knows when its handler has ended: when the client
 * disconnects, Nest no longer waits for a handler, but it continues. Called before Nest binds the handlers.
 */
export function listenToHandlers(gateway: Type): void {
  const prototype = gateway.prototype as Record<string, Handler>;
  for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
    const handler = prototype[name]!;
    if (!Reflect.hasMetadata(HANDLES_MESSAGES, handler) || wrappers.has(handler)) continue;
    Object.defineProperty(prototype, name, {
      value: wrap(handler),
      configurable: true,
      writable: true,
    });
  }
}

function wrap(handler: Handler): Handler {
  const wrapper: Handler = function (this: unknown, ...args) {
    const call = () => handler.apply(this, args);
    const message = currentMessage();
    return message ? message.handle(call) : call();
  };
  // Inherits the handler's metadata: guards, pipes and the application's own.
  Object.setPrototypeOf(wrapper, handler);
  Object.defineProperty(wrapper, 'name', { value: handler.name });
  wrappers.add(wrapper);
  return wrapper;
}
