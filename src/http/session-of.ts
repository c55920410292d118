import type { IncomingMessage, ServerResponse } from 'node:http';
import { inspect } from 'node:util';

import type { ArgumentsHost } from '@nestjs/common';

import { copiesHint } from '../session/package-copies.js';
import type { SessionAccess, WritableAccess } from '../session/access.js';
import type { SessionData } from '../session/session-data.js';
import type { SessionManager } from '../session/session-manager.js';
import type { ReadonlySession, Session } from '../session/session.js';
import { SessionError } from '../session/errors.js';
import { reserveHolder } from './holdable-response.js';
import { httpRequestOf } from './http-request-of.js';
import { RequestSession, type FrameworkRequest, type SessionEdge } from './request-session.js';
import type { SessionRoute } from './route.js';
import { clientRouteOf, clientRoutes, handshakeRouteOf, handshakesOf } from './socket-route.js';
import { UnansweredSession } from './unanswered-session.js';

/** What is used of Fastify's. */
interface Reply {
  getHeaders(): object;
  readonly request?: FrameworkRequest;
}

/** Connects a request with the sessions of one application, and with its response. */
class RequestRoute {
  /** Created at the first use. */
  session: RequestSession | undefined;
  /** Called with Fastify's request, if middleware used the raw request before it existed. */
  onRequest: ((request: object) => void) | undefined;

  /** `reply`: Fastify's, which keeps headers that are not set on the response before it is sent. */
  constructor(
    readonly edge: SessionEdge,
    public response: ServerResponse,
    public reply: Reply | undefined,
  ) {}

  /** Keeps the session out of logs of the request. */
  [inspect.custom](): string {
    return 'RequestRoute';
  }
}

/** On a raw request: the route to the application that it has reached. */
const ROUTE = Symbol('session route');
/** On a raw request that has reached several applications, one mounted in another. */
const ROUTES = Symbol('session routes');

interface RawRequest extends IncomingMessage {
  [ROUTE]?: RequestRoute | undefined;
  [ROUTES]?: Map<SessionEdge, RequestRoute>;
  /** Set by Node.js: the request opens a WebSocket, and does not go to the other listeners of the server. */
  upgrade?: boolean;
}

/**
 * Called for each request before its session can be used. Each application that a request reaches has a
 * separate session for it, created at the first use.
 *
 * @returns a function that returns the request to the application that it came from; `undefined`: there is none
 */
export function routeRequest(
  request: RawRequest,
  edge: SessionEdge,
  response: ServerResponse,
  reply?: Reply,
): (() => void) | undefined {
  const route = request[ROUTE];
  if (!route) {
    request[ROUTE] = new RequestRoute(edge, response, reply);
    reserveHolder(response);
    return undefined;
  }
  if (route.edge !== edge) return routeOn(request, route, new RequestRoute(edge, response, reply));
  if (!route.session) {
    route.response = response;
    route.reply = reply ?? route.reply;
  }
  if (reply?.request) {
    route.session?.reached(reply.request, reply);
    route.onRequest?.(reply.request);
  }
  return undefined;
}

/** Called when a request goes from one application into another. */
function routeOn(request: RawRequest, from: RequestRoute, to: RequestRoute): () => void {
  const routes = (request[ROUTES] ??= new Map([[from.edge, from]]));
  const known = routes.get(to.edge);
  if (!known?.session) routes.set(to.edge, to);
  request[ROUTE] = routes.get(to.edge);
  return () => (request[ROUTE] = from);
}

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
export function sessionOf<D extends object = SessionData>(
  contextOrRequest: ArgumentsHost | object,
  access?: WritableAccess,
): Promise<Session<D>>;
/**
 * The session of a request, to read only: `{ readOnly: true }`. Its writes do not compile.
 *
 * @param access `readOnly`, and what to do in an outage
 * @throws SessionStoreError if the store cannot be read
 */
export function sessionOf<D extends object = SessionData>(
  contextOrRequest: ArgumentsHost | object,
  access: SessionAccess,
): Promise<ReadonlySession<D>>;
export function sessionOf(
  contextOrRequest: ArgumentsHost | object,
  access?: SessionAccess,
): Promise<Session> {
  // Not `async`, as another promise would be allocated for each request.
  try {
    return routeOf(contextOrRequest).load(access);
  } catch (error) {
    if (error instanceof Error) return Promise.reject(error);
    throw error;
  }
}

/** The manager that Nest injects. In a gateway, Nest's request is the client. */
export function managerOf(request: unknown): SessionManager {
  return routeOf(request).manager;
}

function routeOf(source: unknown): SessionRoute {
  return clientRouteOf(source) ?? requestRouteOf(httpRequestOf(source));
}

/** Whether a request has reached an application with sessions. */
export function isRouted(request: FrameworkRequest): boolean {
  return ROUTE in (request.raw ?? request);
}

/**
 * The session of a request to an application's server that did not reach the application, such as one of
 * Socket.IO. `undefined`: it did, or no application has sessions there. A request that has a response is
 * routed, so that its session is as that of any other request.
 */
export function unansweredSessionOf(
  request: FrameworkRequest,
  response: object,
): UnansweredSession | undefined {
  if (isRouted(request)) return undefined;
  const raw = (request.raw ?? request) as RawRequest;
  const edge = handshakesOf(raw)?.edge;
  if (!edge) return undefined;
  // Socket.IO has a substitute for the response of an upgrade; others pass an empty object.
  if (raw.upgrade === true || !('writeHead' in response)) return new UnansweredSession(edge, raw);
  routeRequest(raw, edge, response as ServerResponse);
  return undefined;
}

/**
 * The one of a request that an application answers.
 *
 * @param onRequest called with Fastify's own, if this is a raw request of it
 */
export function requestSessionOf(
  request: FrameworkRequest,
  onRequest?: (request: object) => void,
): RequestSession {
  const raw = (request.raw ?? request) as RawRequest;
  const route = raw[ROUTE];
  // Middleware of Fastify is called before or after the hook that has Fastify's request.
  const own = route?.reply?.request ?? request;
  const session = sessionAt(route, own, raw);
  if (own !== request) onRequest?.(own);
  else if (own === raw && onRequest) route!.onRequest = onRequest;
  return session;
}

/** The route of a request. Creates its session object at the first call, without I/O. */
function requestRouteOf(request: FrameworkRequest): SessionRoute {
  const own = (request as RawRequest)[ROUTE];
  const raw = (own ? request : (request.raw ?? request)) as RawRequest;
  const route = own ?? raw[ROUTE];
  if (route?.session) return route.session;
  const ofTest = route ? undefined : clientRoutes.get(raw);
  if (ofTest) return ofTest;
  const handshake =
    route && raw.upgrade !== true ? undefined : handshakeRouteOf(raw, request.webSocket);
  return handshake ?? sessionAt(route, request, raw);
}

function sessionAt(
  route: RequestRoute | undefined,
  request: FrameworkRequest,
  raw: RawRequest,
): RequestSession {
  if (!route) {
    const remedy = raw.upgrade
      ? 'Open the WebSocket on the server of an application that has one: app.getHttpServer().'
      : 'Import SessionModule.forRoot() in your AppModule.';
    throw new SessionError(
      'SESSION_MODULE_MISSING',
      `No SessionModule serves this request. ${remedy}${copiesHint()}`,
    );
  }
  const { edge, response, reply } = route;
  return (route.session ??= new RequestSession(edge, request, raw, response, reply));
}
