/*
 * A server process of its own whose callbacks of `request.session` throw, on the built package, in plain JavaScript.
 *
 * node request-session-server.mjs nestjs-session-manager|express-session [survives]
 */
import 'reflect-metadata';

import { setImmediate } from 'node:timers';

import { Controller, Module, Param, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import session from 'express-session';
import { SessionModule } from 'nestjs-session-manager';
import { requestSession } from 'nestjs-session-manager/express-session';

/** Uncaught errors, and how Node.js reported them. */
const thrown = [];

class AppController {
  enter({ session }) {
    session.name = 'Ada';
    return {};
  }

  /** Answers after the error was thrown, unless that has ended the process. */
  throwing(request, method) {
    request.session.changed = true;
    return new Promise((resolve) => {
      request.session[method](() => {
        setImmediate(resolve, thrown);
        throw new Error(`thrown by the callback of ${method}()`);
      });
    });
  }
}

const { prototype } = AppController;
function route(name, decorator, ...parameters) {
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  for (const [at, parameter] of parameters.entries()) parameter(prototype, name, at);
}
route('enter', Post('enter'), Req());
route('throwing', Post('throwing/:method'), Req(), Param('method'));
Controller()(AppController);

class AppModule {}
const sessions = SessionModule.forRoot({ cookie: { secure: false } });
Module({ imports: [sessions], controllers: [AppController] })(AppModule);

const [, , library, survives] = process.argv;
if (survives) {
  process.on('uncaughtException', ({ message }, origin) => thrown.push({ message, origin }));
}

const app = await NestFactory.create(AppModule, { logger: false });
app.use(
  library === 'express-session'
    ? session({ secret: 'a secret', resave: false, saveUninitialized: false })
    : requestSession(),
);
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
