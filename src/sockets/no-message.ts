import type { SessionTransport } from '../session/transport.js';
import { SessionError } from '../session/errors.js';

/**
 * Used by a `SessionManager` outside of a message, where every use throws: Nest creates one manager per
 * connection, so different uses of it could not be distinguished.
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
    // Never called.
  },
  onUse() {
    // Never called.
  },
};
