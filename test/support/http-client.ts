import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, parsed; throws if it is not JSON. */
  readonly json: any;
  /** The `Set-Cookie` headers, each as it came. */
  readonly setCookies: string[];
}

export interface HttpRequest {
  method?: string;
  headers?: Record<string, string>;
  /** A string as it is, `URLSearchParams` as a form, anything else as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly expires: number;
}

/**
 * A visitor with a browser's cookies. Follows no redirect; sends `Secure` cookies over plain http,
 * since that is what tests speak.
 */
export class Visitor {
  private readonly jar = new Map<string, Cookie>();

  constructor(readonly baseUrl: string) {}

  get(path: string, init?: HttpRequest): Promise<HttpResponse> {
    return this.request(path, { ...init, method: 'GET' });
  }

  post(path: string, body?: unknown, init?: HttpRequest): Promise<HttpResponse> {
    return this.request(path, { ...init, method: 'POST', body });
  }

  /** A `cookie` among the headers goes out in place of the jar's. */
  async request(path: string, init: HttpRequest = {}): Promise<HttpResponse> {
    const url = new URL(path, this.baseUrl);
    const { text, type } = encode(init.body);
    const cookie = this.cookieFor(url.pathname);
    const response = await send(
      url,
      {
        method: init.method ?? 'GET',
        headers: {
          ...(type && { 'content-type': type }),
          ...(text !== undefined && { 'content-length': String(Buffer.byteLength(text)) }),
          ...(cookie && { cookie }),
          ...lowerCased(init.headers),
        },
        signal: init.signal,
      },
      text,
    );
    for (const line of response.setCookies) this.store(line, url.pathname);
    return response;
  }

  /** The cookies for `/`, as a `Cookie` header; assigning replaces all of them. */
  get cookie(): string {
    return this.cookieFor('/');
  }

  set cookie(header: string) {
    this.jar.clear();
    for (const pair of header.split(';')) if (pair.trim()) this.store(`${pair}; Path=/`, '/');
  }

  /** Another visitor with the same cookies: a second tab's, or a thief's. */
  fork(): Visitor {
    const copy = new Visitor(this.baseUrl);
    for (const [key, cookie] of this.jar) copy.jar.set(key, cookie);
    return copy;
  }

  private cookieFor(pathname: string): string {
    return [...this.jar.values()]
      .filter(({ path, expires }) => expires > Date.now() && covers(path, pathname))
      .map(({ name, value }) => (name ? `${name}=${value}` : value))
      .join('; ');
  }

  private store(line: string, pathname: string): void {
    const [pair = '', ...attributes] = line.split(';');
    const [name, value] = split(pair);
    const given = new Map(attributes.map(split).map(([key, text]) => [key.toLowerCase(), text]));
    const path = given.get('path') || defaultPath(pathname);
    const expires = expiry(given.get('max-age'), given.get('expires'));
    // As in a browser, a cookie is replaced or cleared only under its own domain and path.
    const key = [name, given.get('domain') ?? '', path].join(';');
    if (expires > Date.now()) this.jar.set(key, { name, value, path, expires });
    else this.jar.delete(key);
  }
}

export function visitor(baseUrl: string): Visitor {
  return new Visitor(baseUrl);
}

function send(url: URL, options: RequestOptions, body?: string): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    // No agent: a connection kept alive would keep the server from closing.
    const request = httpRequest(url, { ...options, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          setCookies: response.headers['set-cookie'] ?? [],
          body: text,
          get json() {
            return JSON.parse(text);
          },
        });
      });
    });
    request.once('error', reject);
    request.end(body);
  });
}

function encode(body: unknown): { text?: string; type?: string } {
  if (body === undefined) return {};
  if (typeof body === 'string') return { text: body };
  if (body instanceof URLSearchParams) {
    return { text: body.toString(), type: 'application/x-www-form-urlencoded' };
  }
  return { text: JSON.stringify(body), type: 'application/json' };
}

function lowerCased(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [name.toLowerCase(), text]),
  );
}

function split(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=');
  return at < 0 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
}

/** `Max-Age` wins over `Expires`; without either the cookie lives as long as the visitor. */
function expiry(maxAge: string | undefined, expires: string | undefined): number {
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Date.now() + Number(maxAge) * 1000;
  const date = Date.parse(expires ?? '');
  return Number.isNaN(date) ? Infinity : date;
}

function defaultPath(pathname: string): string {
  return pathname.slice(0, pathname.lastIndexOf('/')) || '/';
}

function covers(path: string, pathname: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}
