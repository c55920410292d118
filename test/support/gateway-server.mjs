/*
 * A server process of its own with a gateway, that ends by Nest's shutdown hooks; on the built package, in plain
 * JavaScript.
 *
 * node gateway-server.mjs <memcached> ws|socket.io express|fastify
 */
import 'reflect-metadata';

import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Session, SessionModule } from 'nestjs-session-manager';

const [memcached, sockets, platform] = process.argv.slice(2);
const signal = once(process, 'SIGTERM');
let app;

class CounterController {
  read(session) {
    return session.toJSON();
  }

  begin(session) {
    session.count = 0;
  }
}

class CounterGateway {
  increment(session) {
    return { event: 'answer', data: session.increment('count') };
  }

  /** Changes the session when the application is being closed. */
  async atTheEnd(session) {
    await signal;
    while (app.getHttpServer().listening) await nextTurn();
    return this.increment(session);
  }
}

function takeSession(decorator, { prototype }, name) {
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  Session()(prototype, name, 0);
}
Controller()(CounterController);
takeSession(Get(), CounterController, 'read');
takeSession(Post(), CounterController, 'begin');
WebSocketGateway()(CounterGateway);
takeSession(SubscribeMessage('increment'), CounterGateway, 'increment');
takeSession(SubscribeMessage('at-the-end'), CounterGateway, 'atTheEnd');

class AppModule {}
Module({
  imports: [SessionModule.forRoot({ memcached, socketSweep: 1 })],
  controllers: [CounterController],
  providers: [CounterGateway],
})(AppModule);

const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
app = await NestFactory.create(AppModule, adapter, { logger: ['error'] });
app.useWebSocketAdapter(sockets === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
