/** Browsers keep cookies of one name apart by these (RFC 6265bis, 5.7). */
export interface CookiePlace {
  /** Absent: a host-only cookie. */
  readonly domain?: string | undefined;
  readonly path: string;
}

/** Keeps the response's head well below the limits of proxies. */
const MAX_PLACES = 20;

/**
 * Other domains and paths that a cookie sent to this host and target may have been set with, the likelier
 * ones first. Without `own`.
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

/** The host and its parent domains, except the top-level domain, which cannot have cookies. */
function domainsOf(host = ''): string[] {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name) || /^[\d.]+$/.test(name)) return [];
  const labels = name.split('.').slice(-6);
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join('.'));
}

/** The paths that contain the target, the shortest first; each with and without a `/` at its end. */
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
