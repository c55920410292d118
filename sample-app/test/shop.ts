import { afterEach, beforeEach } from '@jest/globals';

import type { Visitor } from '../../test/support/http-client.js';
import { startMemcached, type Memcached } from '../../test/support/memcached.js';
import { startApp, type RunningApp } from './running-app.js';

/** The sample app on a memcached, both new for each test of the describe that asks for it. */
export interface Shop {
  readonly memcached: Memcached;
  readonly app: RunningApp;
  /** A visitor who comes for the first time. */
  readonly ada: Visitor;
}

export function shopOnMemcached(): Shop {
  const shop = {} as Shop;

  beforeEach(async () => {
    const memcached = await startMemcached();
    const app = await startApp(memcached.server);
    Object.assign(shop, { memcached, app, ada: app.newVisitor() });
  });

  afterEach(async () => {
    await shop.app.stop();
    await shop.memcached.stop();
  });

  return shop;
}
