import { Module, type INestApplication } from '@nestjs/common';
import connectMemcached from 'connect-memcached';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { createClient } from 'redis';

import { createNestApp } from './nest-app.js';
import { PEER_SECRET } from './peer-secret.js';
import { PeerController } from './peer.controller.js';

@Module({ controllers: [PeerController] })
class PeerModule {}

export function createAppWithMemcached(memcached: string): Promise<INestApplication> {
  const MemcachedStore = connectMemcached(session);
  return createAppWith(new MemcachedStore({ hosts: [memcached], prefix: 'express:' }));
}

export async function createAppWithRedis(url: string): Promise<INestApplication> {
  const client = await createClient({ url }).connect();
  return createAppWith(new RedisStore({ client, prefix: 'express:' }));
}

export function createAppWithMemory(): Promise<INestApplication> {
  return createAppWith(new session.MemoryStore());
}

export async function createAppWith(store: session.Store): Promise<INestApplication> {
  const app = await createNestApp('express', PeerModule);
  app.use(session({ store, secret: PEER_SECRET, resave: false, saveUninitialized: false }));
  return app;
}
