/* A server process of its own with a gateway, on the built package, in plain JavaScript. */
import 'reflect-metadata';

import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Session, SessionModule } from 'nestjs-session-manager';

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

class AppModule {}
const sessions = SessionModule.forRoot({ memcached: process.argv[2], socketSweep: 1 });
Module({ imports: [sessions], controllers: [CounterController], providers: [CounterGateway] })(
  AppModule,
);

const app = await NestFactory.create(AppModule, { logger: ['error'] });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
