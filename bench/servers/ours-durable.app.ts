import type { INestApplication } from '@nestjs/common';
import { memcachedStore } from 'nestjs-session-manager';
import { postgresStore } from 'nestjs-session-manager/postgres';

import type { Stores } from './stores.js';
import { createOurApp } from './ours.app.js';

/** The same application, with a copy of each session in a database. */
export function createDurableApp({ memcached, postgres }: Stores): Promise<INestApplication> {
  return createOurApp('express', { stores: [memcachedStore(memcached), inPostgres(postgres)] });
}

/** The same, with all sessions in a database. */
export function createPostgresApp({ postgres }: Stores): Promise<INestApplication> {
  return createOurApp('express', { stores: inPostgres(postgres) });
}

function inPostgres(connectionString: string) {
  return postgresStore({ connectionString, migrate: true });
}
