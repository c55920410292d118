import { refuseUnknownOptions } from '../session/option-checks.js';
import { SessionOptionsError } from '../session/errors.js';

/** A header that carries the session id, in requests and in responses. */
export interface SessionHeaderOptions {
  /** The header's name, such as `'x-session-id'`; with `'authorization'` it carries `Bearer <id>`. */
  header: string;
}

/** What carries the session id between client and server: the cookie, a header, or either. */
export type SessionTransportOption =
  'cookie' | SessionHeaderOptions | readonly ('cookie' | SessionHeaderOptions)[];

export interface CheckedTransport {
  readonly cookie: boolean;
  /** In lower case. */
  readonly header: string | undefined;
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/** Names that already have a meaning in a request or a response. */
const TAKEN = new Set(
  [
    // Of HTTP.
    'accept age allow alt-svc authentication-info cache-control connection cookie cookie2 date digest dnt',
    'early-data etag expect expires forwarded from host http2-settings idempotency-key keep-alive',
    'last-event-id last-modified link location max-forwards origin pragma prefer priority range referer',
    'refresh retry-after server set-cookie set-cookie2 soapaction te tk trailer transfer-encoding upgrade',
    'upgrade-insecure-requests user-agent vary via want-digest warning www-authenticate',
    // Instructions for browsers.
    'clear-site-data expect-ct feature-policy nel permissions-policy referrer-policy report-to',
    'reporting-endpoints server-timing service-worker-allowed sourcemap strict-transport-security',
    'timing-allow-origin x-content-type-options x-dns-prefetch-control x-download-options',
    'x-frame-options x-permitted-cross-domain-policies x-powered-by x-robots-tag x-ua-compatible',
    'x-xss-protection',
    // Client hints.
    'device-memory downlink dpr ect rtt save-data viewport-width width',
    // Tracing, and other headers that are often logged.
    'b3 baggage traceparent traceresponse tracestate uber-trace-id x-amzn-trace-id',
    'x-cloud-trace-context x-correlation-id x-ot-span-context x-request-id x-trace-id',
    // Protection against CSRF, and other credentials.
    'apollo-require-preflight csrf-token dpop signature signature-input x-api-key x-csrf-token',
    'x-http-method x-http-method-override x-method-override x-requested-with x-xsrf-token xsrf-token',
    // Set by proxies.
    'cdn-loop client-ip fastly-client-ip true-client-ip x-client-ip x-cluster-client-ip x-original-uri',
    'x-original-url x-real-ip x-rewrite-url x-scheme',
  ]
    .join(' ')
    .split(' '),
);
const TAKEN_FAMILIES =
  /^(accept|access-control|cf|content|cross-origin|if|proxy|ratelimit|sec|x-accel|x-amz|x-b3|x-envoy|x-forwarded|x-ratelimit)-/;

/** The longest name. */
const MAX_HEADER = 100;

/** @throws SessionOptionsError that names the invalid part */
export function checkTransport(option: SessionTransportOption = 'cookie'): CheckedTransport {
  const isList = Array.isArray(option);
  const all: unknown[] = isList ? option : [option];
  if (all.length === 0) throw new SessionOptionsError('transport', 'give at least one');
  let cookie = false;
  let header: string | undefined;
  for (const [index, one] of all.entries()) {
    const name = isList ? `transport[${index}]` : 'transport';
    if (one === 'cookie') {
      if (cookie) throw new SessionOptionsError(name, "give 'cookie' only once");
      cookie = true;
    } else {
      if (header) throw new SessionOptionsError(name, 'give only one header');
      header = checkHeader(one, name);
    }
  }
  return { cookie, header };
}

function checkHeader(option: unknown, parent: string): string {
  if (typeof option !== 'object' || option === null) {
    throw new SessionOptionsError(parent, "give 'cookie', { header: 'x-session-id' } or both");
  }
  refuseUnknownOptions(option, ['header'], parent, { name: 'did you mean header?' });
  const { header } = option as { header?: unknown };
  const name = typeof header === 'string' ? header.toLowerCase() : '';
  if (!TOKEN.test(name)) {
    throw new SessionOptionsError(
      `${parent}.header`,
      'give the name of a header, such as x-session-id: letters, digits and - _ . only',
    );
  }
  if (name.length > MAX_HEADER) {
    throw new SessionOptionsError(`${parent}.header`, `give ${MAX_HEADER} characters at most`);
  }
  if (TAKEN.has(name) || TAKEN_FAMILIES.test(name)) {
    throw new SessionOptionsError(
      `${parent}.header`,
      `${name} has another meaning; use a name of your own, such as x-session-id`,
    );
  }
  return name;
}
