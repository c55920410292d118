import type { Config } from './config.js';

/** What the terminal says once the app runs. */
export function welcome(address: string, { memcachedServers }: Config): string {
  const place = memcachedServers.length > 0 ? memcachedServers.join(', ') : 'memory';
  return `
  ${address}   (sessions in ${place})

  - Reload the page: it counts. The footer says what the page cost, and a line below what each request cost.
  - Open the basket in two tabs and click fast in both: no click gets lost, and each shows the other's.
  - Sign in, open the basket, sign out in another tab: the basket's says so at once.
  - Sign in and look at the footer: the session has a new id, and what was in the basket is still there.
  - Without a browser, the id in a header: curl -i -X POST -H 'x-session-id;' ${address}/api/basket/bread
    Then GET /api/basket and /api/session with the id that came; /graphql has the same basket.
  - ${address}/health and /metrics are for those who run it.
  ${memcachedServers.length > 0 ? WITH_MEMCACHED : IN_MEMORY}
`;
}

const WITH_MEMCACHED = `- Stop this app and start it again: it still knows you.
  - Stop memcached and reload: a page says so, with status 503, while "Products" and "About" work.`;

const IN_MEMORY = `- Stop this app and start it again: it knows nobody. Now with memcached, where sessions stay:
      memcached -l 127.0.0.1 &
      MEMCACHED_SERVERS=127.0.0.1:11211 npm start
  - Then stop memcached and reload: a page says so, with status 503, while "Products" and "About" work.`;
