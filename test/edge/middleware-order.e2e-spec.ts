import 'reflect-metadata';

import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, type INestApplication, type NestModule } from '@nestjs/common';
import type { MiddlewareConsumer } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

import { Session, SessionModule, sessionOf } from '../../src/index.js';
import { visitor } from '../support/http-client.js';
import { PLATFORMS } from '../support/session-app.js';

type Next = (error?: unknown) => void;

async function count(name: string, request: IncomingMessage, next: Next): Promise<void> {
  try {
    (await sessionOf(request)).increment(name);
    next();
  } catch (error) {
    next(error);
  }
}

const counting = (name: string) => (request: IncomingMessage, _response: unknown, next: Next) =>
  void count(name, request, next);

@Controller()
class EntriesController {
  @Get()
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

@Module({
  imports: [SessionModule.forRoot({ cookie: { secure: false } })],
  controllers: [EntriesController],
})
class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(counting('nest')).forRoutes(EntriesController);
  }
}

describe('hooks of Fastify', () => {
  let app: INestApplication;

  afterEach(() => app.close());

  it('find the session of their request if they were added before Nest, like routes', async () => {
    const adapter = new FastifyAdapter();
    const fastify = adapter.getInstance();
    fastify.addHook('onRequest', async (request, reply) => {
      const session = await sessionOf(request);
      if (request.url === '/early') return reply.send({ early: session.increment('early') });
      session.increment('hook');
      return undefined;
    });
    fastify.register((plugin, _options, done) => {
      plugin.get('/plugin', async (request) => (await sessionOf(request)).toJSON());
      done();
    });
    app = await NestFactory.create(AppModule, adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    const client = visitor(`http://127.0.0.1:${port}`);
    const early = await client.get('/early');
    expect(early.json).toEqual({ early: 1 });
    expect(early.headers).toMatchObject({ vary: 'Cookie', 'cache-control': 'no-store' });
    expect((await client.get('/')).json).toEqual({ early: 1, hook: 1, nest: 1 });
    expect((await client.get('/plugin')).json).toEqual({ early: 1, hook: 2, nest: 1 });
  });
});

describe.each(PLATFORMS)('middleware, on %s', (platform) => {
  let app: INestApplication;

  afterEach(() => app.close());

  async function start(): Promise<void> {
    const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
    app = await NestFactory.create(AppModule, adapter, { logger: false });
    app.use(counting('application'));
  }

  it('finds the session of its request, of the application or of Nest', async () => {
    await start();
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    const client = visitor(`http://127.0.0.1:${port}`);
    expect((await client.get('/')).json).toEqual({ application: 1, nest: 1 });
    expect((await client.get('/')).json).toEqual({ application: 2, nest: 2 });
  });
});
