import type { IncomingHttpHeaders } from 'node:http';

import {
  Inject,
  Injectable,
  Optional,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';

import { refuseUnknownOptions } from '../session/option-checks.js';
import { SessionOptionsError } from '../session/errors.js';
import { httpRequestOf } from './http-request-of.js';
import { refusal } from './refusal.js';
import { clientHandshakes } from './socket-route.js';

/** The options of `CrossSiteGuard`. */
export interface CrossSiteOptions {
  /** Origins that may send any request, such as `'https://admin.example.org'`. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** The part of a request that is used: of Node.js, Express or Fastify. */
export interface CrossSiteRequest {
  /** The HTTP method, such as `POST`. */
  readonly method?: string | undefined;
  /** The headers by lower-case name. */
  readonly headers?: IncomingHttpHeaders | undefined;
  /** The request of Node.js, in a request of Fastify. */
  readonly raw?: { readonly method?: string | undefined; readonly headers: IncomingHttpHeaders };
  /** The host that the client requested, determined with trusted proxies. */
  readonly host?: string | undefined;
}

const ALLOWED = Symbol('cross-site requests are allowed');
const OPTIONS = Symbol('cross-site options');

/** Safe methods: they must not change state (RFC 9110, 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Exempts handlers from `CrossSiteGuard`, for all origins or for the given ones: for webhooks, or for a form
 * on another site.
 */
export function AllowCrossSite(
  ...origins: string[]
): ReturnType<typeof SetMetadata<symbol, true | readonly string[]>> {
  origins.forEach(checkOrigin);
  return SetMetadata(ALLOWED, origins.length > 0 ? origins : true);
}

/**
 * Protects against cross-site request forgery: refuses requests that another site makes a browser send, with
 * a 403 and the code `SESSION_CROSS_SITE`. It needs no token. It checks the header `Sec-Fetch-Site`, or
 * `Origin` if that is missing. A request without either header does not come from a current browser, and
 * is allowed.
 *
 * ```ts
 * app.useGlobalGuards(new CrossSiteGuard({ allowedOrigins: ['https://admin.example.org'] }));
 * ```
 *
 * Nest 11 does not apply global guards to gateways: put `@UseGuards()` on each gateway there.
 *
 * @throws SessionOptionsError for an invalid origin
 */
@Injectable()
export class CrossSiteGuard implements CanActivate {
  readonly #allowed: ReadonlySet<string>;
  readonly #reflector = new Reflector();

  constructor(@Optional() @Inject(OPTIONS) options: CrossSiteOptions = {}) {
    refuseUnknownOptions(options, ['allowedOrigins']);
    const { allowedOrigins = [] } = options;
    allowedOrigins.forEach(checkOrigin);
    this.#allowed = new Set(allowedOrigins);
  }

  /**
   * Checks whether the request is allowed.
   *
   * @throws ForbiddenException with the code `SESSION_CROSS_SITE` if another site made the browser send it
   */
  canActivate(context: ExecutionContext): boolean {
    const places = [context.getHandler(), context.getClass()];
    const allowed = this.#reflector.getAllAndOverride<true | string[] | undefined>(ALLOWED, places);
    if (allowed === true) return true;
    const type = context.getType<string>();
    if (type === 'rpc') return true;
    if (type === 'ws') {
      const handshake = clientHandshakes.get(context.switchToWs().getClient());
      return !handshake || this.check({ headers: handshake.headers, method: 'CONNECT' }, allowed);
    }
    return this.check(httpRequestOf(context), allowed);
  }

  /**
   * Checks whether a request comes from another site. For requests that guards do not see, such as the
   * handshake of a WebSocket: call it in `allowRequest` of Socket.IO or in `verifyClient` of ws.
   */
  isCrossSite(request: CrossSiteRequest, more: readonly string[] = []): boolean {
    const { method, headers } = request.raw ?? request;
    if (!isHandshake(request, headers) && SAFE_METHODS.has(method ?? 'GET')) return false;
    const origin = headers?.origin;
    const isAllowed = origin !== undefined && (this.#allowed.has(origin) || more.includes(origin));
    const site = headers?.['sec-fetch-site'];
    if (site !== undefined) return site !== 'same-origin' && site !== 'none' && !isAllowed;
    if (origin === undefined || isAllowed) return false;
    const host = request.host ?? headers?.host ?? headers?.[':authority']; // HTTP/2 has that one
    return !isOriginOf(origin, host);
  }

  private check(request: CrossSiteRequest, more?: readonly string[]): boolean {
    if (!this.isCrossSite(request, more)) return true;
    throw refusal('SESSION_CROSS_SITE', 'This request was sent by another site.');
  }
}

/** A handshake is a `GET`, but opens a socket that may change state. Engine.IO sets `_query`, also for polling. */
function isHandshake(request: object, headers: IncomingHttpHeaders = {}): boolean {
  return (
    headers.upgrade !== undefined ||
    headers['sec-websocket-key'] !== undefined ||
    '_query' in request
  );
}

function checkOrigin(origin: unknown): void {
  if (typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin)
    return;
  throw new SessionOptionsError(
    'allowedOrigins',
    'give origins as browsers send them, such as https://admin.example.org: no path, no slash at the end',
  );
}

/** Compares what browsers take as the same host and port: in other case, or with the scheme's own port. */
function isOriginOf(origin: string, host: string | readonly string[] | undefined): boolean {
  // The origin `null`, for example, is not a URL.
  if (typeof host !== 'string' || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  const requested = `${url.protocol}//${host}`;
  return URL.canParse(requested) && new URL(requested).host === url.host;
}
