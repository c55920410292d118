import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import fastifyCompress from '@fastify/compress';
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import type { INestApplication } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ServeStaticModule } from '@nestjs/serve-static';
import compression from 'compression';
import expressSession from 'express-session';
import helmet from 'helmet';
import { createProxyMiddleware } from 'http-proxy-middleware';
import morgan from 'morgan';
import responseTime from 'response-time';

import { PLATFORMS } from '../support/session-app.js';
import { originOf, prepared, type Surrounding } from './serving.js';
import { write, type AnyRequest } from './use-session.js';

type Next = (error?: unknown) => void;

/** Uses the session as the request asks to, before any handler. */
export const useBefore = (request: AnyRequest, _response: unknown, next: Next) => {
  write(request).then(() => next(), next);
};

/** Another library's sessions, with a cookie of their own for every visitor. */
export const theirSessions = () =>
  expressSession({ name: 'theirs', secret: 'x', resave: false, saveUninitialized: true });

/** Says what it has to say when the head is sent, in both ways. */
function speakLast(_request: IncomingMessage, response: ServerResponse, next: Next): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    response.setHeader('Vary', 'X-Late');
    response.setHeader('Expires', 'Fri, 01 Jan 2100 00:00:00 GMT');
    const headers = { 'Cache-Control': 'public, max-age=60', 'Set-Cookie': 'late=1' };
    const others = args.slice(1).find((arg) => typeof arg === 'object' && !Array.isArray(arg));
    return writeHead(args[0], { ...(others as object | undefined), ...headers });
  };
  next();
}

/** One after the other: on Fastify each call takes one only. */
const using =
  (...middleware: readonly unknown[]) =>
  (app: INestApplication) => {
    for (const one of middleware) app.use(one);
  };

const silent = { write: () => undefined };
const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function renderViews(app: INestApplication): void {
  if (app.getHttpAdapter().getType() === 'fastify') {
    const ejs: unknown = createRequire(import.meta.url)('ejs');
    const templates = folder('views');
    (app as NestFastifyApplication).setViewEngine({ engine: { ejs }, templates });
  } else {
    (app as NestExpressApplication).setBaseViewsDir(folder('views')).setViewEngine('ejs');
  }
}

/** What another server answers, piece by piece, with headers of its own. */
function answerElsewhere(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(203, 'Elsewhere', {
    'Content-Type': 'text/plain',
    'Set-Cookie': 'elsewhere=1',
    'Cache-Control': 'public, max-age=60',
    'X-Handler': 'elsewhere',
    ETag: '"1"',
  });
  for (let at = 0; at < 10; at++) response.write('from elsewhere, '.repeat(1000));
  response.end();
}

const served: Surrounding['start'] = async (platform, options) => {
  const elsewhere = createServer(answerElsewhere);
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const proxy = createProxyMiddleware({ target: originOf(elsewhere) });
  const { close, ...app } = await prepared((nest) => {
    nest.use('/proxied', useBefore);
    nest.use('/proxied', proxy);
  })(platform, options);
  const closeBoth = async () => {
    await close();
    const closed = new Promise((resolve) => elsewhere.close(resolve));
    // The proxy keeps those whose clients have gone.
    elsewhere.closeAllConnections();
    await closed;
  };
  return { ...app, close: closeBoth };
};

const COMPRESSED = { compresses: true, platforms: PLATFORMS, lacks: ['callbacks'] } as const;

export const AROUND_MIDDLEWARE: readonly Surrounding[] = [
  { name: 'nothing', platforms: PLATFORMS, start: prepared(() => undefined) },
  {
    ...COMPRESSED,
    name: 'compression',
    start: prepared(using(compression())),
  },
  {
    ...COMPRESSED,
    name: 'compression of the shortest body',
    start: prepared(using(compression({ threshold: 0 }))),
  },
  {
    ...COMPRESSED,
    name: '@fastify/compress',
    platforms: ['fastify'],
    start: prepared((app) =>
      (app as NestFastifyApplication).register(fastifyCompress, { threshold: 0 }),
    ),
  },
  {
    ...COMPRESSED,
    name: 'middleware of the adapter',
    start: prepared((app) => {
      app.getHttpAdapter().use(compression() as never);
      app.getHttpAdapter().use(useBefore as never);
    }),
  },
  {
    name: 'express-session',
    platforms: PLATFORMS,
    lacks: ['callbacks'],
    start: prepared(using(theirSessions())),
  },
  {
    ...COMPRESSED,
    name: 'compression in express-session',
    start: prepared(using(theirSessions(), compression())),
  },
  {
    name: '@fastify/session',
    platforms: ['fastify'],
    start: prepared(async (app) => {
      const fastify = app as NestFastifyApplication;
      const cookieName = 'theirs';
      const cookie = { secure: false };
      await fastify.register(fastifyCookie as never);
      await fastify.register(fastifySession, { secret: 'x'.repeat(32), cookieName, cookie });
    }),
  },
  {
    name: 'helmet',
    platforms: PLATFORMS,
    start: prepared(using(helmet())),
  },
  {
    name: 'morgan',
    platforms: PLATFORMS,
    start: prepared(using(morgan('combined', { stream: silent }))),
  },
  {
    name: 'response-time',
    platforms: PLATFORMS,
    start: prepared(using(responseTime())),
  },
  {
    ...COMPRESSED,
    name: 'helmet, morgan, response-time and compression',
    start: prepared(
      using(helmet(), morgan('dev', { stream: silent }), responseTime(), compression()),
    ),
  },
  {
    name: 'middleware that sets headers as late as it can',
    platforms: PLATFORMS,
    start: prepared(using(speakLast)),
  },
  {
    name: 'CORS',
    platforms: PLATFORMS,
    start: prepared((app) => app.enableCors({ origin: ['http://a.example'], credentials: true })),
  },
  {
    ...COMPRESSED,
    name: 'static files, behind middleware that uses the session',
    adds: 'static',
    start: (platform, options) => {
      // Each loader writes its own defaults into these.
      const imports = [
        ServeStaticModule.forRoot({ rootPath: folder('public'), serveRoot: '/static' }),
      ];
      return prepared(using(compression(), useBefore), { imports })(platform, options);
    },
  },
  { name: 'a view engine', adds: 'views', platforms: PLATFORMS, start: prepared(renderViews) },
  {
    ...COMPRESSED,
    name: 'a view engine and compression',
    adds: 'views',
    start: prepared((app) => {
      renderViews(app);
      app.use(compression());
    }),
  },
  { name: 'a proxy to another server', adds: 'proxied', platforms: PLATFORMS, start: served },
];
