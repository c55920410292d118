import { createServer, Server, ServerResponse, type IncomingMessage } from 'node:http';

import { FastifyAdapter } from '@nestjs/platform-fastify';
import compression from 'compression';
import express, { Router } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import vhost from 'vhost';

import { PLATFORMS } from '../support/session-app.js';
import { theirSessions, useBefore } from './around-middleware.js';
import { askHttp } from './ask.js';
import {
  create,
  listening,
  originOf,
  prepared,
  WaysModule,
  within,
  type Handler,
  type Surrounding,
} from './serving.js';
import { traceHttp } from './trace-http.js';

/** As probes do it: per response, before any framework sees it. */
function wrap(response: ServerResponse): void {
  let isEnded = false;
  for (const method of ['writeHead', 'write', 'end'] as const) {
    const original = Reflect.get(response, method) as (...args: unknown[]) => unknown;
    Object.assign(response, {
      [method](...args: unknown[]) {
        if (isEnded) return original.apply(response, args);
        isEnded = method === 'end';
        return original.apply(response, args);
      },
    });
  }
}

const throughWrapper =
  (handler: Handler): Handler =>
  (request, response) => {
    wrap(response);
    handler(request, response);
  };

/** As a server may make its responses. */
class ProbedResponse extends ServerResponse {
  override writeHead(...args: unknown[]): this {
    return super.writeHead(...(args as [number]));
  }

  override end(...args: unknown[]): this {
    return super.end(...(args as [string]));
  }
}

const legacy = () => {
  const app = express();
  app.get('/legacy', (_request, response) => void response.send('legacy'));
  return app;
};

const COMPRESSED = { compresses: true, lacks: ['callbacks'] } as const;

export const AROUND_PARENTS: readonly Surrounding[] = [
  {
    name: "a server of the application's own",
    platforms: PLATFORMS,
    start: within((nest) => nest),
  },
  {
    name: 'a server with a class of responses of its own',
    platforms: ['fastify'],
    async start(_platform, options) {
      const serverFactory = (handler: Handler) =>
        createServer({ ServerResponse: ProbedResponse }, handler);
      return listening(await create(WaysModule.of(options), new FastifyAdapter({ serverFactory })));
    },
  },
  {
    name: 'a wrapper of each response, made before the framework sees it',
    platforms: PLATFORMS,
    start: within(throughWrapper),
  },
  {
    name: 'a wrapper of each response, made by a server that Fastify is given',
    platforms: ['fastify'],
    async start(_platform, options) {
      const serverFactory = (handler: Handler) => createServer(throughWrapper(handler));
      return listening(await create(WaysModule.of(options), new FastifyAdapter({ serverFactory })));
    },
  },
  {
    name: '@opentelemetry/instrumentation-http',
    platforms: PLATFORMS,
    async start(platform, options) {
      const stop = traceHttp();
      const { close, ...served } = await prepared(() => undefined)(platform, options);
      const closeBoth = async () => {
        await close();
        stop();
      };
      return { ...served, close: closeBoth };
    },
  },
  {
    ...COMPRESSED,
    name: 'compression before the framework sees the response',
    platforms: PLATFORMS,
    start: within((nest) => (request, response) => {
      compression()(request as express.Request, response as express.Response, () =>
        nest(request, response),
      );
    }),
  },
  {
    ...COMPRESSED,
    name: 'a parent Express application, mounted, with compression',
    platforms: ['express'],
    start: within((nest) => express().use(compression()).use('/api', nest), '/api'),
  },
  {
    ...COMPRESSED,
    name: 'a parent Express application, with compression and express-session, called',
    platforms: ['express'],
    start: within((nest) =>
      express()
        .use(compression(), theirSessions())
        .use((request, response, next) => void (nest as Middleware)(request, response, next)),
    ),
  },
  {
    ...COMPRESSED,
    name: 'a parent Express application, with compression, that calls Fastify',
    platforms: ['fastify'],
    start: within((nest) =>
      express()
        .use(compression())
        .use((request, response) => nest(request, response)),
    ),
  },
  {
    name: 'a router of a parent Express application',
    platforms: ['express'],
    start: within((nest) => express().use('/a', Router().use('/b', nest)), '/a/b'),
  },
  {
    ...COMPRESSED,
    name: 'a parent Express application with virtual hosts',
    platforms: ['express'],
    start: within((nest) =>
      express()
        .use(compression())
        .use(vhost('127.0.0.1', nest as never)),
    ),
  },
  {
    name: 'a legacy Express application that is called first',
    platforms: ['express'],
    start: prepared((app) => {
      const old = legacy();
      app.use(useBefore);
      app.use(
        (request: express.Request, response: express.Response, next: express.NextFunction) => {
          old(request, response, next);
        },
      );
    }),
  },
  {
    name: 'a legacy Express application that is mounted first',
    platforms: ['express'],
    start: prepared((app) => app.use(useBefore).use(legacy())),
  },
  {
    name: 'a legacy Express application in front of Fastify',
    platforms: ['fastify'],
    start: prepared((app) => app.use(legacy())),
  },
  {
    name: 'a proxy in front (http-proxy-middleware)',
    platforms: PLATFORMS,
    // It passes neither on, and answers in place of a connection that breaks.
    lacks: ['trailers', 'informational', 'connection', 'http1'],
    async start(platform, options) {
      const { server: behind, close } = await prepared(() => undefined)(platform, options);
      const proxy = createProxyMiddleware({ target: originOf(behind!) });
      const server = new Server(express().use(proxy));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const closeBoth = async () => {
        await new Promise((resolve) => server.close(resolve));
        await close();
      };
      return { ask: askHttp(originOf(server)), close: closeBoth };
    },
  },
];

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;
