import type { INestApplication } from '@nestjs/common';

import type { ContenderName } from '../contenders.js';
import type { Stores } from './stores.js';

type CreateApp = (stores: Stores) => Promise<INestApplication>;

// Imported one at a time: no process holds the code of another contender.
const APPS: Record<ContenderName, CreateApp> = {
  bare: async () => (await import('./bare.app.js')).createBareApp('express'),
  mini: async ({ memcached }) => (await import('./mini.app.js')).createMiniApp(memcached),
  raw: async ({ memcached }) => (await import('./raw.app.js')).createRawApp('express', memcached),
  ours: async ({ memcached }) =>
    (await import('./ours.app.js')).createOurApp('express', { memcached }),
  'ours-durable': async (stores) =>
    (await import('./ours-durable.app.js')).createDurableApp(stores),
  'ours-redis': async ({ redis }) => (await import('./ours-redis.app.js')).createRedisApp(redis),
  'express-session-redis': async ({ redis }) =>
    (await import('./express-session.app.js')).createAppWithRedis(redis),
  'express-session-memcached': async ({ memcached }) =>
    (await import('./express-session.app.js')).createAppWithMemcached(memcached),
  'ours-postgres': async (stores) =>
    (await import('./ours-durable.app.js')).createPostgresApp(stores),
  'express-session-postgres': async ({ postgres }) =>
    (await import('./express-session-postgres.app.js')).createAppWithPostgres(postgres),
  'express-session-memory': async () =>
    (await import('./express-session.app.js')).createAppWithMemory(),
  'bare-fastify': async () => (await import('./bare.app.js')).createBareApp('fastify'),
  'raw-fastify': async ({ memcached }) =>
    (await import('./raw.app.js')).createRawApp('fastify', memcached),
  'ours-fastify': async ({ memcached }) =>
    (await import('./ours.app.js')).createOurApp('fastify', { memcached }),
  'fastify-session-memory': async () =>
    (await import('./fastify-session.app.js')).createFastifySessionApp(),
};

export function createApp(name: ContenderName, stores: Stores): Promise<INestApplication> {
  return APPS[name](stores);
}
