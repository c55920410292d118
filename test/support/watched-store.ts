import { EventEmitter, once } from 'node:events';

import type { Keyv } from 'keyv';

import { memcachedStore } from '../../src/store/memcached/store.js';
import type { MemcachedLocation } from '../../src/store/memcached/options.js';
import { openSessionStore, type OpenSessionStore } from '../../src/store/store.factory.js';
import { cacheOver, KEY_PREFIX, TIMEOUT } from './stores.js';

/** A store in memcached that records the reports about its servers. */
export interface WatchedStore extends OpenSessionStore {
  readonly keyv: Keyv;
  /** Notices, and the names of servers whose outages began (`down …`) and ended (`back …`). */
  readonly told: readonly string[];
  /** Resolves with the first one that matches, now or later. */
  untilTold(pattern: RegExp): Promise<string>;
}

export function watchedStore(location: MemcachedLocation): WatchedStore {
  const keyv = memcachedStore(location);
  const open = openSessionStore(cacheOver(keyv), {
    ...{ keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now },
  });
  const told: string[] = [];
  const events = new EventEmitter().setMaxListeners(0);
  const tell = (line: string): void => {
    told.push(line);
    events.emit('told');
  };
  open.watch({
    outageBegan: (server, error) => tell(`down ${server}: ${String(error)}`),
    outageEnded: (server) => tell(`back ${server}`),
    noticed: tell,
  });
  return {
    ...open,
    get servers() {
      return open.servers;
    },
    keyv,
    told,
    async untilTold(pattern) {
      for (;;) {
        const line = told.find((one) => pattern.test(one));
        if (line !== undefined) return line;
        await once(events, 'told');
      }
    },
  };
}
