import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request as middleware receives it. */
export interface InspectedRequest extends IncomingMessage {
  readonly originalUrl?: string;
}

const OF_CACHES = ['cache-control', 'vary', 'etag', 'age', 'expires'];

/** A response's cookies without their values, its caching headers, and warnings about them. */
export function headersToShow(
  request: InspectedRequest,
  response: ServerResponse,
  usedSession: boolean,
): { headers: string[]; warnings: string[] } {
  const cookies = [response.getHeader('set-cookie') ?? []]
    .flat()
    .map((cookie) => withoutValue(String(cookie)));
  const caching = OF_CACHES.filter((name) => response.hasHeader(name)).map(
    (name) => `${name}: ${String(response.getHeader(name))}`,
  );
  const warnings: string[] = [];
  if (cookies.some(isSecure) && !isHttps(request) && !isLocal(request.headers.host)) {
    warnings.push('A Secure cookie was sent over http: browsers drop it, except on this machine.');
  }
  if (usedSession && /\b(public|s-maxage)\b/.test(String(response.getHeader('cache-control')))) {
    warnings.push(
      'A response that used the session may be kept by shared caches: see its cache-control.',
    );
  }
  return { headers: [...cookies.map((cookie) => `set-cookie: ${cookie}`), ...caching], warnings };
}

/** `SID=s3cret; Path=/` → `SID=…; Path=/`. A header that deletes a cookie has no value. */
function withoutValue(cookie: string): string {
  // Without `=`, browsers store it all as the value of a cookie without a name (RFC 6265bis, 5.6).
  return cookie.replace(/^([^;=]*=)?[^;]*/, (pair, name = '') =>
    pair === name ? pair : `${name}…`,
  );
}

function isSecure(cookie: string): boolean {
  return /;\s*secure\b/i.test(cookie);
}

function isHttps(request: InspectedRequest): boolean {
  const { encrypted } = request.socket as { readonly encrypted?: boolean };
  return encrypted === true || request.headers['x-forwarded-proto'] === 'https';
}

function isLocal(host = ''): boolean {
  return /^(([^:]+\.)?localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
}
