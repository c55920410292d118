import { AsyncLocalStorage } from 'node:async_hooks';

import type { SocketMessage } from './message.js';

const messages = new AsyncLocalStorage<SocketMessage>();

/** The message under way, also for guards and services that have nothing but its client. */
export function currentMessage(): SocketMessage | undefined {
  const message = messages.getStore();
  return message?.isOver ? undefined : message;
}

export function within<T>(message: SocketMessage, work: () => T): T {
  return messages.run(message, work);
}
