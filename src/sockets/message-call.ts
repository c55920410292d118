import { catchError, EMPTY, finalize, isObservable, Observable } from 'rxjs';

import type { MessageCall } from './socket-adapter.js';
import { SocketMessage, within } from './socket-message.js';
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
  const answer = await within(message, () => call(...told));
  if (isObservable(answer)) return saved(message, answer);
  await finish(message);
  return answer;
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
      message.socket.edge.log.notStored(error);
      return EMPTY;
    }),
    finalize(() => void finish(message)),
  );
}

async function finish(message: SocketMessage): Promise<void> {
  const { socket } = message;
  try {
    if (!message.hasFailed) await message.commit();
  } catch (error) {
    socket.edge.log.notStored(error);
  }
  message.isOver = true;
  if (message.endsSocket) socket.close();
}
