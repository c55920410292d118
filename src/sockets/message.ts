import { concatMap, of, type Observable } from 'rxjs';

import type { SessionEdge } from '../http/request-session.js';
import { CurrentSession } from '../session/current-session.js';
import type { IncomingSession, SessionTransport } from '../session/transport.js';
import type { SessionTicket } from '../session/storage/keys.js';
import { SocketEndedError } from './end.js';

/** The socket of a message. */
export interface MessageSocket {
  readonly edge: SessionEdge;
  /** The session id of the handshake. `undefined`: the socket has no session. */
  readonly ticket: SessionTicket | undefined;
  /** Whether it is closed, or is about to be. */
  readonly isEnded: boolean;
  /** The id is unknown: its session has ended, or never existed. May throw. */
  onUnknownId(): void;
  /** Throws a `SocketEndedError`, then closes the socket. */
  refuse(): never;
  close(): void;
}

/**
 * The session of one message, from its first use to the commit, or of one use outside of a message. No
 * cookie can be set here, so operations that need a new id are refused.
 */
export class SocketMessage implements SessionTransport {
  readonly isOpen = false;
  readonly isOneWay = true;
  /** Whether the socket must be closed after this message is answered. */
  endsSocket = false;
  /** Set when the message is done. Work that it started and that outlives it is then outside of it. */
  isOver = false;
  /** Resolves when the handler has ended; set when it begins. */
  handled: Promise<void> | undefined;
  readonly current: CurrentSession;
  private failure: { readonly error: Error } | undefined;

  /** `onOver`: called when the message is done, with the error if its session could not be stored. */
  constructor(
    readonly socket: MessageSocket,
    private readonly onOver?: (failure?: Error) => void,
  ) {
    this.current = new CurrentSession(socket.edge.repository, this, socket.edge.onOutage);
  }

  /** Stores the changes. `undefined`: there are none. Also rejects if the session has ended meanwhile. */
  commit(): Promise<void> | undefined {
    return this.failure ? Promise.reject(this.failure.error) : this.store();
  }

  end(): void {
    this.isOver = true;
    this.onOver?.(this.failure?.error);
  }

  /** Whether a commit failed. No later changes of the message are stored then. */
  get hasFailed(): boolean {
    return this.failure !== undefined;
  }

  hasFailedBy(error: unknown): boolean {
    return this.failure?.error === error;
  }

  /** Logs a failed commit that the client does not learn of. The end of a session is not a failure. */
  logFailure(error: unknown): void {
    if (!(error instanceof SocketEndedError)) this.socket.edge.log.notStored(error);
  }

  /** Calls the handler. Handlers that it calls itself belong to the same message. */
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

  /** Delays each answer until the changes made before it are stored. */
  afterCommit(answers: Observable<unknown>): Observable<unknown> {
    return answers.pipe(
      concatMap((answer) => {
        const stored = this.commit();
        return stored ? stored.then(() => answer) : of(answer);
      }),
    );
  }

  /** Delays an acknowledgement that the handler sends itself. If the commit fails, none is sent. */
  holdAcknowledgement(acknowledge: (...values: unknown[]) => unknown) {
    return (...values: unknown[]): void => {
      const stored = this.commit();
      if (!stored) return void acknowledge(...values);
      const isLate = this.isOver;
      stored.then(
        () => acknowledge(...values),
        (error: unknown) => {
          // Otherwise the interceptor gets the same error and reports it.
          if (isLate) this.logFailure(error);
        },
      );
    };
  }

  receive(): IncomingSession {
    if (this.socket.isEnded) this.socket.refuse();
    return { ticket: this.socket.ticket };
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
