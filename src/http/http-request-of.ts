import type { IncomingMessage } from 'node:http';

import type { ArgumentsHost } from '@nestjs/common';

import { SessionError } from '../session/errors.js';
import type { FrameworkRequest } from './request-session.js';

/** The context of GraphQL resolvers: Nest's drivers set `req`, Mercurius sets `reply.request`. */
interface GraphqlContext {
  readonly req?: object;
  readonly request?: object;
  readonly reply?: { readonly request?: object };
}

/** `graphql-ws` sets this object in place of a request. */
interface GraphqlWsContext {
  readonly extra?: { readonly request?: IncomingMessage; readonly socket?: object };
}

/**
 * The HTTP request of a Nest context, of a GraphQL context, or the request itself.
 *
 * @throws SessionError `SESSION_NO_HTTP` for everything else
 */
export function httpRequestOf(source: unknown): FrameworkRequest {
  if (isObject(source) && 'switchToHttp' in source) return ofHost(source as ArgumentsHost);
  return ofObject(source);
}

function ofHost(host: ArgumentsHost): FrameworkRequest {
  const type = host.getType<string>();
  if (type === 'http') return ofObject(host.switchToHttp().getRequest());
  if (type !== 'graphql') throw noHttp(`a context of type '${type}'`);
  // Reference resolvers (federation) have one argument less.
  return httpRequestOf(host.getArgByIndex(host.getArgByIndex(3) === undefined ? 1 : 2));
}

function ofObject(source: unknown): FrameworkRequest {
  if (!isObject(source)) throw noHttp(kindOf(source));
  if (isRequest(source)) return source;
  const { req, request, reply } = source as GraphqlContext;
  const found = req ?? request ?? reply?.request ?? source;
  if (isRequest(found)) return found;
  const { extra } = found as GraphqlWsContext;
  if (extra?.request) return { raw: extra.request, webSocket: extra.socket };
  throw noHttp('an object without one');
}

function isObject(source: unknown): source is object {
  return typeof source === 'object' && source !== null;
}

function isRequest(source: object): source is FrameworkRequest {
  return 'headers' in source;
}

function kindOf(source: unknown): string {
  return source === null || source === undefined ? String(source) : `a ${typeof source}`;
}

function noHttp(what: string): SessionError {
  return new SessionError(
    'SESSION_NO_HTTP',
    `There is no HTTP request here, only ${what}, so there is no session. Pass sessionOf() the ` +
      'request, or the context of a controller, a resolver or a gateway. Send microservices and jobs ' +
      'what they need from the session in their message.',
  );
}
