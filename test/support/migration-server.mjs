/*
 * A server process of its own that carries sessions of express-session over, on the built package, in plain
 * JavaScript.
 *
 * node migration-server.mjs express|fastify connect-memcached|connect-redis memcached-server redis-url secret
 */
import 'reflect-metadata';

import { Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import connectMemcached from 'connect-memcached';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import { Session, SessionModule, UserSessions } from 'nestjs-session-manager';
import { expressSession } from 'nestjs-session-manager/express-session';
import { createClient } from 'redis';

const [, , platform, kind, memcached, redis, secret] = process.argv;

async function oldStore() {
  if (kind === 'connect-memcached') {
    return new (connectMemcached(session))({ hosts: [memcached], prefix: 'old:' });
  }
  const client = createClient({ url: redis });
  await client.connect();
  return new RedisStore({ client });
}

class AppController {
  constructor(users) {
    this.users = users;
  }

  visit(one) {
    one.increment('visits');
  }

  entries(one) {
    return { userId: one.userId ?? null, entries: one.toJSON() };
  }

  async devices() {
    return { count: (await this.users.list('7')).length };
  }
}

const { prototype } = AppController;
function route(name, decorator, ...parameters) {
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  for (const [at, parameter] of parameters.entries()) parameter(prototype, name, at);
}
route('visit', Post('visit'), Session());
route('entries', Get('entries'), Session());
route('devices', Get('devices'));
Controller()(AppController);
Inject(UserSessions)(AppController, undefined, 0);

class AppModule {}
const sessions = SessionModule.forRoot({
  memcached,
  cookie: { secure: false },
  migrateFrom: expressSession({
    secret,
    store: await oldStore(),
    userId: ({ passport }) => passport && String(passport.user),
  }),
});
Module({ imports: [sessions], controllers: [AppController] })(AppModule);

const more = platform === 'fastify' ? [new FastifyAdapter()] : [];
const app = await NestFactory.create(AppModule, ...more, { logger: false });
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
