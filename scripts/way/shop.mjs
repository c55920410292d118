// The application whose requests are recorded.
import 'reflect-metadata';

import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Session, SessionModule } from '../../dist/index.js';

class ShopController {
  untouched() {
    return 'nothing of a session';
  }

  read(session) {
    return { visits: session.get('visits') };
  }

  write(session) {
    return { visits: session.increment('visits') };
  }

  new(session) {
    return { visits: session.increment('visits') };
  }
}

for (const route of ['untouched', 'read', 'write', 'new']) {
  const { prototype } = ShopController;
  Get(route)(prototype, route, Object.getOwnPropertyDescriptor(prototype, route));
  if (route !== 'untouched') Session()(prototype, route, 0);
}
Controller()(ShopController);

/** `platform`: `express` or `fastify`. */
export async function startShop(platform, memcached) {
  class AppModule {}
  Module({
    imports: [SessionModule.forRoot({ memcached, cookie: { secure: false } })],
    controllers: [ShopController],
  })(AppModule);
  const app = await NestFactory.create(AppModule, await adapterOf(platform), { logger: false });
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}

async function adapterOf(platform) {
  if (platform === 'fastify') {
    const { FastifyAdapter } = await import('@nestjs/platform-fastify');
    return new FastifyAdapter();
  }
  const { ExpressAdapter } = await import('@nestjs/platform-express');
  return new ExpressAdapter();
}
