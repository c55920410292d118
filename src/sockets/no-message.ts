import type { SessionTransport } from '../session/transport.js';
import { SessionError } from '../session/errors.js';

/**
 * In the place of a message where there is none: who asks a `SessionManager` then, which Nest makes
 * once a connection, could not be told apart from who asked before.
 */
export const noMessage: SessionTransport = {
  isOpen: false,
  presentedTicket() {
    throw new SessionError(
      'SESSION_NO_MESSAGE',
      'Over a WebSocket, SessionManager works only in the messages of gateways. Outside them use ' +
        "sessionOf(client) and the session's own save(); in GraphQL use @Session().",
    );
  },
  onRead() {
    // Nobody reads.
  },
  onUse() {
    // Nobody writes.
  },
};
