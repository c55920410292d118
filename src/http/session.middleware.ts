import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { AbstractHttpAdapter } from '@nestjs/core';

import { tellCopy } from '../session/package-copies.js';
import { SessionError } from '../session/errors.js';
import { makeResponsesHoldable } from './holdable-response.js';
import { keepOutagesOutOfNestsLog } from './outage-errors.js';
import type { SessionEdge } from './request-session.js';
import { routeRequest } from './session-of.js';
import { comingBack, shared } from './shared-express.js';

type Next = (error?: unknown) => void;
type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/** What is used of an Express application. */
interface ExpressInstance {
  handle: (request: IncomingMessage, response: ServerResponse, ...more: unknown[]) => unknown;
}

/** What serves a Nest application's requests already. */
const served = new WeakSet<object>();

/** What is used of a Fastify instance. */
interface FastifyInstance {
  /** An application may have made it itself. */
  readonly server: {
    prependListener?(event: 'request', listener: RequestListener): unknown;
  };
  addHook(
    name: 'onRequest',
    hook: (request: { raw: IncomingMessage }, reply: FastifyReply, done: Next) => void,
  ): unknown;
  /** There if middleware is. */
  use?: (this: unknown, ...args: unknown[]) => unknown;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  getHeaders(): object;
}

/**
 * Leads from every request of an application to its sessions.
 *
 * @returns what to call before the application registers its routes
 */
export function serveSessions(adapter: AbstractHttpAdapter, edge: SessionEdge): () => void {
  tellCopy();
  keepOutagesOutOfNestsLog();
  makeResponsesHoldable();
  if (adapter.getType() === 'express') return serveExpress(adapter, edge);
  return serveFastify(adapter, edge);
}

/**
 * Where every request enters an Express application, be it the server's, mounted or called: before all
 * middleware, and at less cost than one. If another Nest application is on the same one, the requests of
 * each are told by what it registers.
 */
function serveExpress(adapter: AbstractHttpAdapter, edge: SessionEdge): () => void {
  const app = adapter.getInstance<ExpressInstance>();
  const face = served.has(app) ? shared(app, edge) : app;
  if (face === app) {
    const { handle } = app;
    app.handle = (request, response, ...more) => {
      const goBack = routeRequest(request, edge, response);
      return handle.call(app, request, response, ...(goBack ? comingBack(more, goBack) : more));
    };
  }
  served.add(app);
  served.add(face);
  const register = () => adapter.setInstance(face);
  register();
  return register;
}

/** By a hook, as middleware would cost each request many times as much. */
function serveFastify(adapter: AbstractHttpAdapter, edge: SessionEdge): () => void {
  const instance = adapter.getInstance<FastifyInstance>();
  if (served.has(instance)) {
    throw new SessionError(
      'SESSION_SERVER_SHARED',
      'Two Nest applications with sessions are on one Fastify instance, so it cannot be told whose ' +
        'requests are whose. Give each a FastifyAdapter of its own.',
    );
  }
  served.add(instance);
  instance.addHook('onRequest', ({ raw }, reply, done) => {
    routeRequest(raw, edge, reply.raw, reply);
    done();
  });
  // Hooks that were added before Nest had the instance run before ours, and plugins of that time without it.
  instance.server.prependListener?.('request', (request, response) => {
    routeRequest(request, edge, response);
  });
  const { use } = instance;
  if (!use) return nothing;
  // The hook of all middleware is an earlier one; so if there is any, the first one is ours.
  const route: Middleware = (request, response, next) => {
    routeRequest(request, edge, response);
    next();
  };
  let isUsed = false;
  instance.use = function (...args) {
    if (!isUsed) {
      isUsed = true;
      use.call(instance, route);
    }
    return use.apply(this, args);
  };
  return nothing;
}

const nothing = () => undefined;
