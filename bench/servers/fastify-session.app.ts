import { fastifyCookie } from '@fastify/cookie';
import { fastifySession } from '@fastify/session';
import { Module, type INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { createNestApp } from './nest-app.js';
import { PEER_SECRET } from './peer-secret.js';
import { PeerController } from './peer.controller.js';

@Module({ controllers: [PeerController] })
class PeerModule {}

export async function createFastifySessionApp(): Promise<INestApplication> {
  const app = (await createNestApp('fastify', PeerModule)) as NestFastifyApplication;
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: PEER_SECRET,
    saveUninitialized: false,
    // As with the others: no cookie in each response.
    rolling: false,
    cookie: { secure: false },
  });
  return app;
}
