import type { ArgumentsHost } from '@nestjs/common';

import type { SessionAccess } from '../session/session-access.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';
import { SessionError } from '../session/session.errors.js';

/** Leads from the client of a gateway to its session. */
export interface SocketRoute {
  readonly manager: SessionManager;
  load(access?: SessionAccess): Promise<Session>;
}

/** Told for each connection. */
export const socketRoutes = new WeakMap<object, SocketRoute>();

/**
 * Of a client, or of a context of a gateway. `undefined`: it is none of these.
 *
 * @throws SessionError `SESSION_MODULE_MISSING` if no `SessionModule` was told of the client
 */
export function socketRouteOf(source: ArgumentsHost | object): SocketRoute | undefined {
  if (!isHost(source)) return socketRoutes.get(source);
  if (source.getType() !== 'ws') return undefined;
  const route = socketRoutes.get(source.switchToWs().getClient());
  if (route) return route;
  throw new SessionError(
    'SESSION_MODULE_MISSING',
    'No SessionModule serves this socket, or its adapter does not tell of the handshake. Import ' +
      'SessionModule.forRoot() in your AppModule, and use an adapter for Socket.IO or ws.',
  );
}

function isHost(source: ArgumentsHost | object): source is ArgumentsHost {
  return typeof source === 'object' && source !== null && 'switchToHttp' in source;
}
