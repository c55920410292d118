import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';

import { currentMessage } from './current-message.js';

/** What `@SubscribeMessage()` puts on a method, of `@nestjs/websockets`. */
const HANDLES_MESSAGES = 'websockets:message_mapping';

type Handler = (this: unknown, ...args: unknown[]) => unknown;

/** A gateway may be in several applications, and the base of another one. */
const telling = new WeakSet<object>();

/**
 * Lets the handlers of a gateway tell their messages when they have ended: when the client goes, Nest
 * forgets them, and they go on. To be called before Nest takes them.
 */
export function listenToHandlers(gateway: Type): void {
  const prototype = gateway.prototype as Record<string, Handler>;
  for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
    const handler = prototype[name]!;
    if (!Reflect.hasMetadata(HANDLES_MESSAGES, handler) || telling.has(handler)) continue;
    Object.defineProperty(prototype, name, {
      value: tellingOf(handler),
      configurable: true,
      writable: true,
    });
  }
}

function tellingOf(handler: Handler): Handler {
  const told: Handler = function (this: unknown, ...args) {
    const call = () => handler.apply(this, args);
    const message = currentMessage();
    return message ? message.handle(call) : call();
  };
  // So it has its metadata, too: guards, pipes and what the application put there.
  Object.setPrototypeOf(told, handler);
  Object.defineProperty(told, 'name', { value: handler.name });
  telling.add(told);
  return told;
}
