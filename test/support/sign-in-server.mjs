/* A server process of its own that users sign in to, on the built package, in plain JavaScript. */
import 'reflect-metadata';

import { Controller, Get, HttpCode, Inject, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Session, SessionModule, UserSessions } from 'nestjs-session-manager';

class AccountController {
  constructor(users) {
    this.users = users;
  }

  cart(session) {
    session.cart = 1;
  }

  async signIn(session, user) {
    await session.signIn(user);
  }

  signOut(session) {
    return session.signOut();
  }

  me(session) {
    return { user: session.userId ?? null };
  }

  async list(user) {
    return { count: (await this.users.list(user)).length };
  }
}

const { prototype } = AccountController;
function route(name, decorators, ...parameters) {
  for (const decorator of decorators) {
    decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  }
  for (const [at, parameter] of parameters.entries()) parameter(prototype, name, at);
}
route('cart', [Post('cart'), HttpCode(204)], Session());
route('signIn', [Post('sign-in/:user'), HttpCode(204)], Session(), Param('user'));
route('signOut', [Post('sign-out'), HttpCode(204)], Session());
route('me', [Get('me')], Session());
route('list', [Get('list/:user')], Param('user'));
Controller()(AccountController);
Inject(UserSessions)(AccountController, undefined, 0);

class AppModule {}
const sessions = SessionModule.forRoot(JSON.parse(process.argv[2]));
Module({ imports: [sessions], controllers: [AccountController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.listen(0, '127.0.0.1');
console.log(app.getHttpServer().address().port);
