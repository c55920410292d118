import { catchError, EMPTY, finalize, isObservable, Observable } from 'rxjs';

import { within } from './current-message.js';
import type { MessageCall } from './adapter.js';
import { SocketMessage } from './message.js';
import type { MessagesUnderWay } from './messages-under-way.js';
import type { SocketSession } from './socket-session.js';

/**
 * Calls a message's handler within that message, and commits its session. Messages to a socket that is being
 * closed are dropped.
 */
export async function callHandler(
  socket: SocketSession,
  call: MessageCall,
  args: unknown[],
  underWay: MessagesUnderWay,
  onOver?: (failure?: Error) => void,
): Promise<unknown> {
  if (socket.opening) await socket.opening;
  if (socket.isEnded) return undefined;
  const message = new SocketMessage(socket, (failure) => {
    underWay.end(message);
    onOver?.(failure);
  });
  underWay.begin(message);
  const wrappedArgs = args.map((arg) =>
    typeof arg === 'function'
      ? message.holdAcknowledgement(arg as (...values: unknown[]) => unknown)
      : arg,
  );
  let answers: unknown;
  try {
    answers = await within(message, () => call(...wrappedArgs));
  } catch (error) {
    await finish(message);
    throw error;
  }
  if (isObservable(answers) && !socket.isDisconnected) return saved(message, answers);
  await finish(message);
  return isObservable(answers) ? undefined : answers;
}

/**
 * Also commits changes of guards, filters and global interceptors. If that fails, no filter can answer any
 * more, and the message gets no answer.
 */
function saved(message: SocketMessage, answers: Observable<unknown>): Observable<unknown> {
  const ofMessage = new Observable((subscriber) =>
    within(message, () => answers.subscribe(subscriber)),
  );
  return message.afterCommit(ofMessage).pipe(
    catchError((error: unknown) => {
      // An error of a filter goes to the adapter.
      if (!message.hasFailedBy(error)) throw error;
      message.logFailure(error);
      return EMPTY;
    }),
    finalize(() => void finish(message)),
  );
}

/** Waits for the handler: when a client disconnects, its answers end, but the handler continues. */
async function finish(message: SocketMessage): Promise<void> {
  await message.handled;
  try {
    if (!message.hasFailed) await message.commit();
  } catch (error) {
    message.logFailure(error);
  }
  message.end();
  if (message.endsSocket || message.current.isGone) message.socket.close();
}
