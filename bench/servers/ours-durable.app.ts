import type { INestApplication } from '@nestjs/common';
import { Keyv } from 'keyv';
import { memcachedStore } from 'nestjs-session-manager';

import { PostgresAdapter } from '../../test/support/postgres-adapter.js';
import type { Stores } from './stores.js';
import { createOurApp } from './ours.app.js';

/** The same application, with a copy of each session in a database. */
export function createDurableApp({ memcached, postgres }: Stores): Promise<INestApplication> {
  const tier = new Keyv({ store: new PostgresAdapter({ uri: postgres }) });
  return createOurApp('express', { stores: [memcachedStore(memcached), tier] });
}
