import type { IncomingMessage } from 'node:http';

/**
 * Whether a handshake comes from a page of this shop. Browsers let pages from anywhere open sockets and
 * read what comes, and `sameSite` keeps the cookie only from those of other sites, not from another
 * subdomain's or port's. Behind a proxy that rewrites `Host`, compare with the shop's public origin.
 */
export function isOwnPage({ origin, req }: { origin: string; req: IncomingMessage }): boolean {
  return URL.canParse(origin) && new URL(origin).host === req.headers.host;
}
