import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';

import { requestSession, type RequestSessionObject } from '../../../src/express-session.js';
import { SessionModule } from '../../../src/index.js';
import { visitor } from '../../support/http-client.js';

interface FastifyRequest {
  readonly session: RequestSessionObject;
  readonly raw: { readonly session: RequestSessionObject };
}

@Controller()
class AppController {
  @Get()
  count(@Req() { session, raw }: FastifyRequest) {
    session.visits = ((session.visits as number | undefined) ?? 0) + 1;
    return {
      visits: session.visits as number,
      seen: session.seen as number,
      same: raw.session === session,
    };
  }
}

@Module({ imports: [SessionModule.forRoot()], controllers: [AppController] })
class AppModule {}

/** The two ways to make an application: in one of a testing module, middleware runs before `SessionModule`. */
const WAYS: [string, () => Promise<NestFastifyApplication>][] = [
  ['NestFactory', () => NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })],
  [
    'a testing module',
    async () => {
      const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
      return module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
    },
  ],
];

describe.each(WAYS)('request.session from app.use() on Fastify, by %s', (_way, create) => {
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    app = await create();
    app.use(requestSession());
    // Passport and other middleware use the raw request.
    app.use(({ session }: FastifyRequest['raw'], _response: unknown, next: () => void) => {
      session.seen = ((session.seen as number | undefined) ?? 0) + 1;
      next();
    });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterAll(() => app.close());

  it('is on the raw request, for middleware, and on the Fastify request', async () => {
    const somebody = visitor(url);
    await somebody.get('/');
    expect((await somebody.get('/')).json).toEqual({ visits: 2, seen: 2, same: true });
  });
});
