import { catchError, EMPTY, finalize, isObservable, Observable } from 'rxjs';

import { within } from './current-message.js';
import type { MessageCall } from './adapter.js';
import { SocketMessage } from './message.js';
import type { SocketSession } from './socket-session.js';

/**
 * Calls a message's handler within that message, and stores what was changed. A socket that is being
 * closed may still receive messages; they are dropped.
 */
export async function callHandler(
  socket: SocketSession,
  call: MessageCall,
  args: unknown[],
): Promise<unknown> {
  if (socket.opening) await socket.opening;
  if (socket.isEnded) return undefined;
  const message = new SocketMessage(socket);
  const told = args.map((arg) =>
    typeof arg === 'function'
      ? message.holdAcknowledgement(arg as (...values: unknown[]) => unknown)
      : arg,
  );
  let answers: unknown;
  try {
    answers = await within(message, () => call(...told));
  } catch (error) {
    await finish(message);
    throw error;
  }
  if (isObservable(answers) && !socket.hasLeft) return saved(message, answers);
  await finish(message);
  return isObservable(answers) ? undefined : answers;
}

/**
 * What guards, filters and global interceptors changed is stored, too. It is too late for a filter to
 * tell of it if that fails; there is no answer then.
 */
function saved(message: SocketMessage, answers: Observable<unknown>): Observable<unknown> {
  const ofMessage = new Observable((subscriber) =>
    within(message, () => answers.subscribe(subscriber)),
  );
  return message.afterCommit(ofMessage).pipe(
    catchError((error: unknown) => {
      // What a filter threw is for the adapter.
      if (!message.hasFailedBy(error)) throw error;
      message.tellFailure(error);
      return EMPTY;
    }),
    finalize(() => void finish(message)),
  );
}

/** A client that goes ends the answers, and not the handler. */
async function finish(message: SocketMessage): Promise<void> {
  await message.handled;
  try {
    if (!message.hasFailed) await message.commit();
  } catch (error) {
    message.tellFailure(error);
  }
  message.isOver = true;
  if (message.endsSocket || message.current.isGone) message.socket.close();
}
