interface StoredCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  readonly isHostOnly: boolean;
  readonly path: string;
  readonly isSecure: boolean;
  readonly isPartitioned: boolean;
  readonly creation: number;
}

/** Domains for which no site can set a cookie (the part of the Public Suffix List that the tests need). */
const PUBLIC_SUFFIXES = new Set(['com', 'org', 'example', 'co.uk', 'github.io']);

/**
 * The cookies of a browser, by RFC 6265bis (draft 20, 5.5 to 5.8): name, domain, host-only flag, path and
 * partition identify a cookie.
 */
export class CookieJar {
  private cookies: StoredCookie[] = [];
  private creations = 0;

  /** Takes a `Set-Cookie` header of a response to this URL. */
  set(header: string, url: URL): void {
    const [pair = '', ...rest] = header.split(';');
    const [name, value] = split(pair);
    const attributes = new Map(
      rest.map(split).map(([key, text]): [string, string] => [key.toLowerCase(), text]),
    );
    const given = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase();
    if (given && (PUBLIC_SUFFIXES.has(given) || !covers(given, url.hostname))) return;
    const path = attributes.get('path')?.startsWith('/')
      ? attributes.get('path')!
      : defaultPath(url.pathname);
    const isSecure = attributes.has('secure');
    const isHttps = url.protocol === 'https:';
    if (isSecure && !isHttps) return;
    if (/^__(host|secure)-/i.test(name) && !isSecure) return;
    if (/^__host-/i.test(name) && (given || path !== '/')) return;
    if (attributes.has('partitioned') && !isSecure) return;
    const cookie: StoredCookie = {
      ...{ name, value, path, isSecure },
      domain: given || url.hostname,
      isHostOnly: !given,
      isPartitioned: attributes.has('partitioned'),
      creation: this.creations++,
    };
    // A script or server over plain http leaves secure cookies alone.
    if (!isHttps && this.cookies.some((one) => one.isSecure && one.name === name)) return;
    const same = this.cookies.find((one) => isSame(one, cookie));
    this.cookies = this.cookies.filter((one) => one !== same);
    if (isExpired(attributes)) return;
    this.cookies.push({ ...cookie, creation: same?.creation ?? cookie.creation });
  }

  /** The `Cookie` header of a request to this URL: longer paths first, then the older ones. */
  headerFor(url: URL): string {
    return this.cookies
      .filter((cookie) =>
        cookie.isHostOnly ? cookie.domain === url.hostname : covers(cookie.domain, url.hostname),
      )
      .filter(({ path }) => isUnder(path, url.pathname))
      .filter(({ isSecure }) => !isSecure || url.protocol === 'https:')
      .sort((one, other) => other.path.length - one.path.length || one.creation - other.creation)
      .map(({ name, value }) => (name ? `${name}=${value}` : value))
      .join('; ');
  }

  /** Where the cookies of a name were set, such as `.example.org/shop`. */
  placesOf(wanted: string): string[] {
    return this.cookies
      .filter(({ name }) => name === wanted)
      .map(({ domain, isHostOnly, path }) => `${isHostOnly ? '' : '.'}${domain}${path}`)
      .sort();
  }
}

function isSame(one: StoredCookie, other: StoredCookie): boolean {
  return (['name', 'domain', 'isHostOnly', 'path', 'isPartitioned'] as const).every(
    (key) => one[key] === other[key],
  );
}

function isExpired(attributes: Map<string, string>): boolean {
  const maxAge = attributes.get('max-age');
  if (maxAge !== undefined) return Number(maxAge) <= 0;
  const expires = Date.parse(attributes.get('expires') ?? '');
  return expires <= Date.now();
}

function covers(domain: string, host: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && !/^[\d.]+$/.test(host));
}

function isUnder(path: string, pathname: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}

function defaultPath(pathname: string): string {
  return pathname.slice(0, pathname.lastIndexOf('/')) || '/';
}

function split(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=');
  const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
  return [unpadded(name), unpadded(value)];
}

const unpadded = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, '');
