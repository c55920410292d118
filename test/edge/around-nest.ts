import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:http2';

import {
  Catch,
  Injectable,
  Module,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestModule,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, BaseExceptionFilter } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import compression from 'compression';
import express from 'express';
import { tap, type Observable } from 'rxjs';

import { PLATFORMS } from '../support/session-app.js';
import { useBefore } from './around-middleware.js';
import { askHttp, askHttp2, askInjecting } from './ask.js';
import {
  adapterOf,
  create,
  listening,
  makeInjectable,
  originOf,
  prepared,
  WaysModule,
  type Surrounding,
} from './serving.js';
import { write, type AnyRequest } from './use-session.js';

/** Uses the session as the request asks to, on either framework. */
const writeOf = (context: ArgumentsHost) => write(context.switchToHttp().getRequest<AnyRequest>());

@Injectable()
class UsingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await writeOf(context);
    return true;
  }
}

@Injectable()
class UsingInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    await writeOf(context);
    return next.handle().pipe(tap(() => void writeOf(context)));
  }
}

@Catch()
class UsingFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    const answer = () => super.catch(error, host);
    writeOf(host).then(answer, answer);
  }
}

@Module({})
class CompressingModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(compression(), useBefore).forRoutes('{*all}');
  }
}

const nothing = () => undefined;
const pem = (name: string) =>
  readFileSync(new URL(`../support/tls/localhost-${name}.pem`, import.meta.url));

export const AROUND_NEST: readonly Surrounding[] = [
  {
    name: 'compression and a middleware that uses the session, of a Nest module',
    compresses: true,
    platforms: PLATFORMS,
    lacks: ['callbacks'],
    start: prepared(nothing, { imports: [CompressingModule] }),
  },
  {
    name: 'a guard that uses the session',
    platforms: PLATFORMS,
    start: prepared(nothing, { providers: [{ provide: APP_GUARD, useClass: UsingGuard }] }),
  },
  {
    name: 'an interceptor and a filter that use the session',
    platforms: PLATFORMS,
    start: prepared(nothing, {
      providers: [
        { provide: APP_INTERCEPTOR, useClass: UsingInterceptor },
        { provide: APP_FILTER, useClass: UsingFilter },
      ],
    }),
  },
  {
    name: 'a microservice, in a hybrid application',
    platforms: PLATFORMS,
    start: prepared(async (app) => {
      const options = { host: '127.0.0.1', port: 0 };
      app.connectMicroservice({ transport: Transport.TCP, options }, { inheritAppConfig: true });
      await app.startAllMicroservices();
    }),
  },
  {
    name: 'another Nest application with sessions of its own, which it is mounted on',
    platforms: ['express'],
    async start(_platform, options) {
      const nest = express();
      const inner = await create(WaysModule.of(options), new ExpressAdapter(nest));
      await inner.init();
      const outer = await create(WaysModule.of({}), new ExpressAdapter());
      outer.use('/inner', nest);
      const { close, ...served } = await listening(outer, '/inner');
      const closeBoth = async () => {
        await close();
        await inner.close();
      };
      return { ...served, close: closeBoth };
    },
  },
  {
    name: 'another Nest application in the same process',
    platforms: PLATFORMS,
    async start(platform, options) {
      const other = await prepared(nothing)(platform, {});
      const { close, ...served } = await prepared(nothing)(platform, options);
      const closeBoth = async () => {
        await close();
        await other.close();
      };
      return { ...served, close: closeBoth };
    },
  },
  {
    name: 'HTTP/2',
    platforms: ['fastify'],
    lacks: ['http1'],
    async start(_platform, options) {
      const adapter = new FastifyAdapter({ http2: true } as object);
      const app = await create(WaysModule.of(options), adapter);
      await app.listen(0, '127.0.0.1');
      const server = app.getHttpServer() as Server;
      const client = connect(originOf(server));
      const close = async () => {
        await new Promise<void>((resolve) => client.close(resolve));
        await app.close();
      };
      return { ask: askHttp2(client), server, close };
    },
  },
  {
    name: 'HTTP/2 over TLS, asked over HTTP/1.1',
    platforms: ['fastify'],
    async start(_platform, options) {
      const https = { key: pem('key'), cert: pem('cert'), allowHTTP1: true };
      const adapter = new FastifyAdapter({ http2: true, https } as object);
      const app = await create(WaysModule.of(options), adapter);
      await app.listen(0, '127.0.0.1');
      const server = app.getHttpServer() as Server;
      const origin = originOf(server).replace('http:', 'https:');
      const ask = askHttp(origin, { rejectUnauthorized: false });
      return { ask, server, close: () => app.close() };
    },
  },
  {
    name: 'inject() in place of a connection',
    platforms: ['fastify'],
    // Its response has trailers that no connection would carry.
    lacks: ['trailers', 'informational', 'connection'],
    async start(_platform, options) {
      await makeInjectable();
      const app = (await create(
        WaysModule.of(options),
        adapterOf('fastify'),
      )) as NestFastifyApplication;
      await app.init();
      await app.getHttpAdapter().getInstance().ready();
      return {
        ask: askInjecting((question) => app.inject(question)),
        close: () => app.close(),
      };
    },
  },
];
