import { keepOutOfNestsLog } from '../http/outage-errors.js';
import { SessionError } from '../session/errors.js';

/**
 * The close code of `ws` sockets whose session has ended: of those for applications (RFC 6455, 7.4.2),
 * the one that is HTTP's 401.
 */
export const SESSION_ENDED_CODE = 4401;
const SESSION_ENDED_REASON = 'Session ended';

/** To the message that found out; the socket is closed behind it. */
export class SocketEndedError extends SessionError {
  constructor() {
    super(
      'SESSION_ENDED',
      'The session of this socket has ended or has a new id, so the socket is being closed. The client ' +
        'has to connect again.',
    );
  }
}

// That sessions end is no fault.
keepOutOfNestsLog(SocketEndedError);

/** The other end of a socket, as far as it is known what it is. */
export interface SocketClient {
  /** Of Socket.IO's. */
  disconnect?(close: boolean): unknown;
  /** Of those of `ws`, and of browsers. */
  close?(code: number, reason: string): unknown;
}

export function closeClient(client: SocketClient): void {
  if (typeof client.disconnect === 'function') client.disconnect(true);
  else client.close?.(SESSION_ENDED_CODE, SESSION_ENDED_REASON);
}
