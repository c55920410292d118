import { memcachedStore, type SessionModuleOptions } from 'nestjs-session-manager';
import { sqliteStore } from 'nestjs-session-manager/sqlite';

import type { Config } from './config.js';
import { countRoundTrips } from './request-cost/request-cost.js';

export function sessionOptions(config: Config): SessionModuleOptions {
  return {
    ...place(config),
    // Browsers have the cookie. A program that sends the header is answered by it, and gets no cookie;
    // a client with the cookie never gets the id in a header, where scripts could read it.
    transport: ['cookie', { header: 'x-session-id' }],
    cookie: {
      // Secure over https; over http not, so that this sample also works where a browser takes no
      // Secure cookie from http, such as Safari, or any browser that is not on this machine.
      // Leave the default, `true`, in production.
      secure: 'auto',
      // `sameSite: 'lax'` is the default: no other site can make a browser send the cookie with a
      // POST. As only POST changes what matters here, that is the protection against forged requests.
      // Messages of gateways change the basket as well: there the handshake's origin is checked.
    },
  };
}

/** memcached if there is one, else a file, else the memory of this process. */
function place({ memcachedServers, sessionsFile }: Config): SessionModuleOptions {
  if (memcachedServers.length > 0) {
    // `memcached: memcachedServers` would do. This is the same store, its round trips counted.
    return { stores: countRoundTrips(memcachedStore(memcachedServers)) };
  }
  return sessionsFile === undefined ? {} : { stores: sqliteStore(sessionsFile) };
}
