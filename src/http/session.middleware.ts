import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AbstractHttpAdapter } from '@nestjs/core';

import { makeHoldable } from './holdable-response.js';
import { keepOutagesOutOfNestsLog } from './outage-errors.js';
import type { SessionEdge } from './request-session.js';
import { EDGE, requestRoutes } from './session-of.js';

/**
 * Leads from every request of an application to its sessions, at no cost to those that use none.
 *
 * Express gives its requests and responses prototypes of their own, so there it is done once, and
 * middleware of any place in the stack finds its session. Elsewhere a middleware tells of each request.
 */
export function serveSessions(adapter: AbstractHttpAdapter, edge: SessionEdge): void {
  keepOutagesOutOfNestsLog();
  if (adapter.getType() === 'express') {
    const { request, response } = adapter.getInstance<{ request: object; response: object }>();
    Object.defineProperty(request, EDGE, { value: edge, configurable: true });
    makeHoldable(response);
    return;
  }
  adapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    requestRoutes.set(request, { edge, response });
    next();
  });
}
