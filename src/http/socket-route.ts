import type { IncomingMessage } from 'node:http';

import type { ArgumentsHost } from '@nestjs/common';

import { copiesHint } from '../session/package-copies.js';
import { SessionError } from '../session/errors.js';
import type { SessionEdge } from './request-session.js';
import type { SessionRoute } from './route.js';

/**
 * The routes of gateways' clients, set for each connection; of the sessions of `testSession()`, and the
 * requests of `testContext()`.
 */
export const clientRoutes = new WeakMap<object, SessionRoute>();

/** The handshakes of gateways' clients, set for each connection. */
export const clientHandshakes = new WeakMap<object, Pick<IncomingMessage, 'headers'>>();

/** The sessions of requests that open a socket. No framework answers these requests. */
export interface Handshakes {
  readonly edge: SessionEdge;
  /** `webSocket`: the opened socket, if it is known. */
  sessionOf(request: IncomingMessage, webSocket: object | undefined): SessionRoute;
}

/** By the server of an application. */
export const handshakesAt = new WeakMap<object, Handshakes>();

/**
 * The route of a gateway's client, or of a gateway's context. `undefined`: `source` is something else.
 *
 * @throws SessionError `SESSION_MODULE_MISSING` if no `SessionModule` serves the client
 */
export function clientRouteOf(source: unknown): SessionRoute | undefined {
  if (!isHost(source)) return clientRoutes.get(source as object);
  if (source.getType() !== 'ws') return undefined;
  const route = clientRoutes.get(source.switchToWs().getClient());
  if (route) return route;
  throw new SessionError(
    'SESSION_MODULE_MISSING',
    'No SessionModule serves this socket, or its adapter does not expose the handshake. Import ' +
      `SessionModule.forRoot() in your AppModule, and use an adapter for Socket.IO or ws.${copiesHint()}`,
  );
}

/**
 * The route of a request that opens a socket. `socket.server`, which Node.js does not document, leads to
 * it.
 */
export function handshakeRouteOf(
  request: IncomingMessage,
  webSocket?: object,
): SessionRoute | undefined {
  return handshakesOf(request)?.sessionOf(request, webSocket);
}

/** Those of the application whose server a request has come to. */
export function handshakesOf(request: IncomingMessage): Handshakes | undefined {
  const { server } = (request.socket ?? {}) as { readonly server?: object };
  return server && handshakesAt.get(server);
}

function isHost(source: unknown): source is ArgumentsHost {
  return typeof source === 'object' && source !== null && 'switchToHttp' in source;
}
