import { keepOutOfNestsLog } from '../http/outage-errors.js';
import { SessionError } from '../session/errors.js';

/**
 * The close code of `ws` sockets whose session has ended: from the range for applications (RFC 6455, 7.4.2),
 * after HTTP's 401.
 */
export const SESSION_ENDED_CODE = 4401;
const SESSION_ENDED_REASON = 'Session ended';

/** The error of the message that detects the end of its session; the socket is closed after it. */
export class SocketEndedError extends SessionError {
  constructor() {
    super(
      'SESSION_ENDED',
      'The session of this socket has ended or has a new id, so the socket is being closed. The client ' +
        'has to connect again.',
    );
  }
}

// The end of a session is not a failure.
keepOutOfNestsLog(SocketEndedError);

/** A client of a gateway, by Socket.IO, by `ws` or by another library. */
export interface SocketClient {
  /** Socket.IO. */
  disconnect?(close: boolean): unknown;
  /** `ws`, and the WebSocket API of browsers. */
  close?(code: number, reason: string): unknown;
}

export function closeClient(client: SocketClient): void {
  if (typeof client.disconnect === 'function') client.disconnect(true);
  else client.close?.(SESSION_ENDED_CODE, SESSION_ENDED_REASON);
}
