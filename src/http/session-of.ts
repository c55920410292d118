import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ArgumentsHost } from '@nestjs/common';

import type { SessionAccess } from '../session/session-access.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Session } from '../session/session.js';
import { SessionError } from '../session/session.errors.js';
import { httpRequestOf } from './http-request-of.js';
import { RequestSession, type FrameworkRequest, type SessionEdge } from './request-session.js';
import type { SessionRoute } from './session-route.js';
import { clientRouteOf, handshakeRouteOf } from './socket-route.js';

/** Leads from a raw request to the sessions of its application, and to its response. */
export interface RequestRoute {
  readonly edge: SessionEdge;
  readonly response: ServerResponse;
}

/** On the prototype of Express's requests: the edge of their application. */
export const EDGE = Symbol('session edge');
/** Of the frameworks whose requests have no prototype of their own: told for each request. */
export const requestRoutes = new WeakMap<IncomingMessage, RequestRoute>();

interface RawRequest extends IncomingMessage {
  [EDGE]?: SessionEdge;
  /** Express sets it. */
  res?: ServerResponse;
  /** Node.js does: the request was taken from the server's other listeners, to open a WebSocket. */
  upgrade?: boolean;
}

const requestSessions = new WeakMap<IncomingMessage, RequestSession>();

/**
 * The session of a request, for guards, interceptors, filters and middleware:
 *
 * ```ts
 * const session = await sessionOf(context);  // an ExecutionContext, an ArgumentsHost or a request
 * ```
 *
 * In GraphQL it also accepts a resolver's context, Nest's or GraphQL's own. GraphQL over a WebSocket,
 * and the request that opens a WebSocket, get the current session, read-only.
 *
 * In gateways it also accepts a client, a Socket.IO `Socket` or a `WebSocket` of `ws`. Within a message
 * it returns the message's session, which is committed before the answer. Outside one, as in
 * `handleConnection()`, it returns the current session; call `save()` to store changes.
 *
 * @param access whether the session is read-only, and what to do in an outage
 * @throws SessionStoreError if the store cannot be read
 * @throws SessionError `SESSION_MODULE_MISSING` if no `SessionModule` serves this request,
 * `SESSION_NO_HTTP` if there is no request, as in a microservice
 */
export async function sessionOf(
  contextOrRequest: ArgumentsHost | object,
  access?: SessionAccess,
): Promise<Session> {
  return routeOf(contextOrRequest).load(access);
}

/** What is injected; Nest's request of a gateway is the client. */
export function managerOf(request: unknown): SessionManager {
  return routeOf(request).manager;
}

function routeOf(source: unknown): SessionRoute {
  return clientRouteOf(source) ?? requestRouteOf(httpRequestOf(source));
}

/** The one of a request; made at the first call, without any I/O. */
function requestRouteOf(request: FrameworkRequest): SessionRoute {
  const raw = (request.raw ?? request) as RawRequest;
  const present = requestSessions.get(raw);
  if (present) return present;
  const { edge, response } = requestRoutes.get(raw) ?? { edge: raw[EDGE], response: raw.res };
  const isAnswered = edge && response && raw.upgrade !== true;
  const handshake = isAnswered ? undefined : handshakeRouteOf(raw, request.webSocket);
  if (handshake) return handshake;
  if (!edge || !response) {
    throw new SessionError(
      'SESSION_MODULE_MISSING',
      'No SessionModule serves this request. Import SessionModule.forRoot() in your AppModule.',
    );
  }
  const session = new RequestSession(edge, request, raw, response);
  requestSessions.set(raw, session);
  return session;
}
