import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { AbstractHttpAdapter } from '@nestjs/core';

import { tellCopy } from '../session/package-copies.js';
import { SessionError } from '../session/errors.js';
import { expressProperties, type ExpressPrototypes } from './express-properties.js';
import { makeResponsesHoldable } from './holdable-response.js';
import { keepOutagesOutOfNestsLog } from './outage-errors.js';
import type { SessionEdge } from './request-session.js';
import { routeRequest } from './session-of.js';
import { comingBack, shared } from './shared-express.js';

type Next = (error?: unknown) => void;
type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void;

/** The part of an Express application that is used. */
interface ExpressInstance extends ExpressPrototypes {
  handle: (request: IncomingMessage, response: ServerResponse, ...more: unknown[]) => unknown;
}

/** The Express applications and Fastify instances that already serve a Nest application. */
const served = new WeakSet<object>();

/** The part of a Fastify instance that is used. */
interface FastifyInstance {
  /** An application may have made it itself. */
  readonly server: {
    prependListener?(event: 'request', listener: RequestListener): unknown;
  };
  addHook(
    name: 'onRequest',
    hook: (request: { raw: IncomingMessage }, reply: FastifyReply, done: Next) => void,
  ): unknown;
  /** Present if a middleware plugin is registered. */
  use?: (this: unknown, ...args: unknown[]) => unknown;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  getHeaders(): object;
}

/**
 * Connects every request of an application with its sessions.
 *
 * @returns a function to be called before the application registers its routes
 */
export function serveSessions(adapter: AbstractHttpAdapter, edge: SessionEdge): () => void {
  tellCopy();
  keepOutagesOutOfNestsLog();
  makeResponsesHoldable();
  if (adapter.getType() === 'express') return serveExpress(adapter, edge);
  return serveFastify(adapter, edge);
}

/**
 * Wraps `handle`, which every request to an Express application passes, whether it is the server's
 * application, mounted or called: before all middleware, and cheaper than a middleware. If another Nest
 * application uses the same one, the handler that a request reaches shows whose request it is.
 */
function serveExpress(adapter: AbstractHttpAdapter, edge: SessionEdge): () => void {
  const app = adapter.getInstance<ExpressInstance>();
  const face = served.has(app) ? shared(app, edge) : app;
  if (face === app) {
    const { handle } = app;
    const declareProperties = expressProperties(app);
    app.handle = (request, response, ...more) => {
      declareProperties(request, response);
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

/** Uses a hook, because a middleware would be many times as expensive. */
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
  // All middleware runs in an earlier hook. So if the application uses any, ours is added before it.
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
