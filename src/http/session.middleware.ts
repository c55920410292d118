import type { IncomingMessage, ServerResponse } from 'node:http';

import type { AbstractHttpAdapter } from '@nestjs/core';

import type { SessionEdge } from './request-session.js';
import { EDGE, RESPONSE } from './session-of.js';

/**
 * Leads from every request of an application to its sessions, at no cost to those that use none.
 *
 * Express gives all its requests one prototype, so there the edge is put, once; middleware of any
 * place in the stack finds it. Elsewhere a middleware marks each request.
 */
export function serveSessions(adapter: AbstractHttpAdapter, edge: SessionEdge): void {
  if (adapter.getType() === 'express') {
    const { request } = adapter.getInstance<{ request: object }>();
    Object.defineProperty(request, EDGE, { value: edge, configurable: true });
    return;
  }
  adapter.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
    Object.assign(request, { [EDGE]: edge, [RESPONSE]: response });
    next();
  });
}
