import type { Config } from './config.js';

/** What the terminal says once the app runs. */
export function welcome(address: string, { memcachedServers, sessionsFile }: Config): string {
  const usesMemcached = memcachedServers.length > 0;
  const place = usesMemcached ? memcachedServers.join(', ') : (sessionsFile ?? 'memory');
  return `
  ${address}   (sessions in ${place})

  - ${address}/race runs one controller on express-session and on this package, side by side.
  - Reload the page: it counts your visits. Its strip shows what it cost; ${address}/inspector, what each request did.
  - Open the basket in two tabs and click fast in both: no click gets lost, and each tab shows both.
  - Sign in, open the basket and sign out in another tab: the basket page tells you at once.
  - Sign in and look at the footer: the session has a new id, and the basket is unchanged.
  - Without a browser, send the id in a header: curl -i -X POST -H 'x-session-id;' ${address}/api/basket/bread
    Then GET /api/basket and /api/session with the id you got; /graphql has the same basket.
  - ${address}/health and /metrics are for operators.
  ${usesMemcached ? WITH_MEMCACHED : sessionsFile ? IN_FILE : IN_MEMORY}
`;
}

const KNOWS_YOU = '- Stop this app and start it again: it still knows you.';
const STOP_MEMCACHED =
  '- Then stop memcached and reload: you get a page with status 503, while "Products" and "About" still work.';
const START_WITH_MEMCACHED = `      memcached -l 127.0.0.1 &
      MEMCACHED_SERVERS=127.0.0.1:11211 npm start`;

const WITH_MEMCACHED = `${KNOWS_YOU}
  ${STOP_MEMCACHED.replace('Then stop', 'Stop')}`;

const IN_FILE = `${KNOWS_YOU} Its sessions are in that file, without a server. With memcached:
${START_WITH_MEMCACHED}
  ${STOP_MEMCACHED}`;

const IN_MEMORY = `- Stop this app and start it again: all sessions are gone. From Node.js 22.13 on they are kept in a file; with memcached:
${START_WITH_MEMCACHED}
  ${STOP_MEMCACHED}`;
