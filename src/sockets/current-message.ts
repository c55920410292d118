import { AsyncLocalStorage } from 'node:async_hooks';

import type { SocketMessage } from './message.js';

const messages = new AsyncLocalStorage<SocketMessage>();

/** The message in progress, also for guards and services that only have its client. */
export function currentMessage(): SocketMessage | undefined {
  const message = messages.getStore();
  return message?.isOver ? undefined : message;
}

export function within<T>(message: SocketMessage, work: () => T): T {
  return messages.run(message, work);
}
