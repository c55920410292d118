/** What tells two cookies of one name apart in a browser (RFC 6265bis, 5.7). */
export interface CookiePlace {
  /** Left out: it is the host's own. */
  readonly domain?: string | undefined;
  readonly path: string;
}

/** So that the header of a response stays well below what proxies take. */
const MAX_PLACES = 20;

/**
 * Where else cookies may have been set that a browser sends with a request to this host and target, the
 * likelier ones first. `own` is not among them.
 */
export function otherPlaces(
  own: CookiePlace,
  host: string | undefined,
  target: string,
): CookiePlace[] {
  const ownDomain = own.domain?.replace(/^\./, '').toLowerCase();
  const domains = [undefined, ...new Set([...(ownDomain ? [ownDomain] : []), ...domainsOf(host)])];
  const paths = [...new Set([own.path, '/', ...pathsOf(target)])];
  const places: CookiePlace[] = [];
  // First all domains for the paths of the options, then deeper ones.
  for (const path of paths) {
    for (const domain of domains) {
      if (path !== own.path || domain !== ownDomain) places.push({ domain, path });
    }
  }
  return places.slice(0, MAX_PLACES);
}

/** The host and those above it, but for top-level domains, which have no cookies. */
function domainsOf(host = ''): string[] {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name) || /^[\d.]+$/.test(name)) return [];
  const labels = name.split('.').slice(-6);
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'));
}

/** The paths that cover the target, the shortest first; each may have been set with a `/` at its end. */
function pathsOf(target: string): string[] {
  const [path = ''] = target.replace(/^https?:\/\/[^/?]*/i, '').split(/[?#]/);
  if (!/^\/[\x21-\x3a\x3c-\x7e]*$/.test(path)) return [];
  const names = path
    .split('/')
    .slice(1)
    .filter((name, index, all) => name || index < all.length - 1);
  return names.flatMap((_, index) => {
    const covering = `/${names.slice(0, index + 1).join('/')}`;
    return [covering, `${covering}/`];
  });
}
