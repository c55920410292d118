/* A server process of its own on the built package, in plain JavaScript so that it needs no build. */
import 'reflect-metadata';

import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Session, SessionModule } from 'nestjs-session-manager';
import { redisStore } from 'nestjs-session-manager/redis';

class CounterController {
  read(session) {
    return session.toJSON();
  }

  increment(session) {
    return { count: session.increment('count') };
  }

  update(session) {
    session.update('list', (list) => [...(list ?? []), process.pid]);
    return { length: session.list.length };
  }
}

function route(decorator, name) {
  const { prototype } = CounterController;
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  Session()(prototype, name, 0);
}
Controller()(CounterController);
route(Get(), 'read');
route(Post('increment'), 'increment');
route(Post('update'), 'update');

async function placeOf(location) {
  if (location.startsWith('redis:')) return { stores: redisStore(location) };
  if (!location.startsWith('postgresql:')) return { memcached: location };
  const { postgresStore } = await import('nestjs-session-manager/postgres');
  return { stores: postgresStore({ connectionString: location, migrate: true }) };
}

class AppModule {}
const sessions = SessionModule.forRoot(await placeOf(process.argv[2]));
Module({ imports: [sessions], controllers: [CounterController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
