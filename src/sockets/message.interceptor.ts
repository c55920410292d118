import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { catchError, concat, defer, EMPTY, ignoreElements, type Observable } from 'rxjs';

import { currentMessage } from './current-message.js';
import type { SocketMessage } from './message.js';

/**
 * Commits a message's session before its handler's answer or error is sent. An interceptor, so that a failed
 * commit passes through the application's filters.
 */
class MessageInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const message = currentMessage();
    return message ? saved(message, next.handle()) : next.handle();
  }
}

/** Stateless: one instance for all gateways. */
export const commitBeforeAnswer = new MessageInterceptor();

function saved(message: SocketMessage, answers: Observable<unknown>): Observable<unknown> {
  const rest = defer(() => message.commit() ?? EMPTY).pipe(ignoreElements());
  const failed = (error: unknown): Observable<never> =>
    concat(
      rest,
      defer(() => Promise.reject(error as Error)),
    );
  return concat(message.afterCommit(answers.pipe(catchError(failed))), rest);
}
