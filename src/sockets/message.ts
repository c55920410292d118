import { concatMap, of, type Observable } from 'rxjs';

import type { SessionEdge } from '../http/request-session.js';
import { CurrentSession } from '../session/current-session.js';
import type { SessionTransport } from '../session/transport.js';
import type { SessionTicket } from '../session/storage/keys.js';
import { SocketEndedError } from './end.js';

/** The socket that a message came by. */
export interface MessageSocket {
  readonly edge: SessionEdge;
  /** The id that the handshake brought. `undefined`: the socket has no session. */
  readonly ticket: SessionTicket | undefined;
  /** It is closed, or about to be. */
  readonly isEnded: boolean;
  /** No session has the id any more, or ever had. It may refuse, by an error. */
  onUnknownId(): void;
  /** Ends the socket, but first whoever asked is told. */
  refuse(): never;
  close(): void;
}

/**
 * One message's session, from its first use to the commit; or that of a look from outside of a
 * message. The client can be told no id: what would need a cookie is refused.
 */
export class SocketMessage implements SessionTransport {
  readonly isOpen = false;
  readonly isMute = true;
  /** Whether the socket is to be closed when this message has been answered. */
  endsSocket = false;
  /** What is started by a message and outlives it is outside of it. */
  isOver = false;
  /** The handler's end, once it has begun. */
  handled: Promise<void> | undefined;
  readonly current: CurrentSession;
  private failure: { readonly error: Error } | undefined;

  constructor(readonly socket: MessageSocket) {
    this.current = new CurrentSession(socket.edge.repository, this, socket.edge.onOutage);
  }

  /** Stores what has changed; `undefined`: nothing has. Rejects also if the session is gone by now. */
  commit(): Promise<void> | undefined {
    return this.failure ? Promise.reject(this.failure.error) : this.store();
  }

  /** Whether its client was told of a commit that failed; nothing more of the message is stored. */
  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  hasFailedBy(error: unknown): boolean {
    return this.failure?.error === error;
  }

  /** To those who run the application, as the client is not told. That a session ended is no fault. */
  tellFailure(error: unknown): void {
    if (!(error instanceof SocketEndedError)) this.socket.edge.log.notStored(error);
  }

  /** Calls the handler, and within it others that it calls. */
  handle<T>(work: () => T): T {
    if (this.handled) return work();
    let end: () => void = () => undefined;
    this.handled = new Promise((resolve) => (end = resolve));
    let result: T | undefined;
    try {
      return (result = work());
    } finally {
      if (isPromise(result)) result.then(end, end);
      else end();
    }
  }

  /** Each answer, once all that was changed before it is stored. */
  afterCommit(answers: Observable<unknown>): Observable<unknown> {
    return answers.pipe(
      concatMap((answer) => {
        const stored = this.commit();
        return stored ? stored.then(() => answer) : of(answer);
      }),
    );
  }

  /** An acknowledgement that the handler itself gives; there is none if the commit fails. */
  holdAcknowledgement(acknowledge: (...values: unknown[]) => unknown) {
    return (...values: unknown[]): void => {
      const stored = this.commit();
      if (!stored) return void acknowledge(...values);
      const isLate = this.isOver;
      stored.then(
        () => acknowledge(...values),
        (error: unknown) => {
          // Else the interceptor will meet it, and tell.
          if (isLate) this.tellFailure(error);
        },
      );
    };
  }

  presentedTicket(): SessionTicket | undefined {
    if (this.socket.isEnded) this.socket.refuse();
    return this.socket.ticket;
  }

  onRead(): void {
    // There are no headers that would have to say so.
  }

  onUse(): void {
    // The answer waits for the interceptor.
  }

  onUnknownId(): void {
    this.socket.onUnknownId();
  }

  private store(): Promise<void> | undefined {
    return this.current
      .commit()
      ?.then(() => {
        if (this.current.isGone) this.socket.refuse();
      })
      .catch((error: Error) => {
        this.failure ??= { error };
        throw error;
      });
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
