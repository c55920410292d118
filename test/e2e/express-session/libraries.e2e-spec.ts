import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import flash from 'connect-flash';
import { csrfSync } from 'csrf-sync';
import csurf from 'csurf';
import { Router, type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import expressFlash from 'express-flash';
import grant from 'grant';
import lusca from 'lusca';

import { signInAt, tokenVisit, useBoth, type Visit } from './both.js';
import { startProvider, type Provider } from './provider.js';

type AnyRequest = Request & Record<string, any> & { session: Record<string, any> };

let provider: Provider;

/** The path of each library, and how an application uses it. */
function mount(app: INestApplication): void {
  app.use('/flash', flash(), flashRoutes());
  app.use('/express-flash', expressFlash(), expressFlashRoutes());
  app.use('/csurf', csurf() as RequestHandler, tokenRoutes());
  app.use('/lusca', withoutLocals(lusca.csrf() as RequestHandler), tokenRoutes());
  const { csrfSynchronisedProtection } = csrfSync();
  app.use('/csrf-sync', csrfSynchronisedProtection, tokenRoutes());
  app.use(grantMiddleware());
  app.use('/granted', (request: AnyRequest, response: any) => {
    const { provider: name, response: answer } = request.session.grant;
    response.json({
      name,
      has: Object.keys(answer ?? {}).sort(),
      keys: Object.keys(request.session),
    });
  });
  app.use(refused);
}

function flashRoutes(): Router {
  const routes = Router();
  routes.post('/say', (request: AnyRequest, response) => {
    const flash = request.flash.bind(request) as (...args: unknown[]) => unknown;
    response.json([
      flash('info', 'Saved'),
      flash('info', '%s again', 'Saved'),
      flash('error', ['one', 'two']),
    ]);
  });
  routes.get('/read', (request: AnyRequest, response) => void response.json(request.flash('info')));
  routes.get('/all', (request: AnyRequest, response) => void response.json(request.flash()));
  return routes;
}

function expressFlashRoutes(): Router {
  const routes = Router();
  routes.post('/say', (request: AnyRequest, response) => {
    request.flash('info', 'Saved');
    response.redirect('/express-flash/page');
  });
  routes.get('/page', (_request, response) => {
    // Instead of a template: returns the data that the library passes to it.
    const show = (_path: string, { messages }: any, done: any) =>
      done(null, JSON.stringify(messages));
    response.app.engine('messages', show);
    response.render(`${import.meta.dirname}/page.messages`);
  });
  return routes;
}

function tokenRoutes(): Router {
  const routes = Router();
  routes.get('/token', (request: AnyRequest, response) => void response.send(request.csrfToken!()));
  routes.post('/change', (_request, response) => void response.send('changed'));
  return routes;
}

/** Adds `res.locals`, which Express applications set, for the middleware. */
function withoutLocals(middleware: RequestHandler): RequestHandler {
  return (request, response, next) => {
    response.locals ??= {};
    middleware(request, response, next);
  };
}

function grantMiddleware(): RequestHandler {
  return grant.express({
    defaults: { prefix: '/connect', transport: 'session' },
    test: {
      ...{ key: 'app', secret: 'its secret', oauth: 2, state: true, pkce: true },
      authorize_url: `${provider.url}/auth`,
      access_url: `${provider.url}/token`,
      dynamic: ['redirect_uri', 'scope'],
      callback: '/granted',
    },
  }) as RequestHandler;
}

const refused: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) return next(error);
  response.status(error.status ?? response.statusCode).send(String(error.message));
};

function connectFrom({ baseUrl }: Parameters<Visit>[0]): string {
  return `/connect/test?redirect_uri=${encodeURIComponent(`${baseUrl}/connect/test/callback`)}`;
}

const VISITS: Record<string, Visit> = {
  async *'connect-flash'(visitor) {
    yield await visitor.post('/flash/say');
    yield await visitor.get('/flash/read');
    yield await visitor.get('/flash/read');
    yield await visitor.get('/flash/all');
    yield await visitor.get('/flash/all');
  },
  async *'express-flash'(visitor) {
    yield await visitor.post('/express-flash/say');
    yield await visitor.get('/express-flash/page');
    yield await visitor.get('/express-flash/page');
  },
  csurf: tokenVisit('/csurf'),
  lusca: tokenVisit('/lusca'),
  'csrf-sync': tokenVisit('/csrf-sync'),
  async *'grant, with state and PKCE'(visitor) {
    yield* signInAt(connectFrom(visitor), visitor);
  },
  async *'grant, with a forged state'(visitor) {
    yield* signInAt(connectFrom(visitor), visitor, (url) =>
      url.searchParams.set('state', 'forged'),
    );
  },
};

/** The expected answers, which show that each library works. */
const STATUSES: Record<string, number[]> = {
  'connect-flash': [200, 200, 200, 200, 200],
  'express-flash': [302, 200, 200],
  csurf: [200, 403, 403, 200],
  lusca: [200, 403, 403, 200],
  'csrf-sync': [200, 403, 403, 200],
  'grant, with state and PKCE': [302, 302, 200],
  'grant, with a forged state': [302, 302, 200],
};

describe('libraries that use request.session, compared with express-session', () => {
  beforeAll(async () => {
    provider = await startProvider();
  });

  afterAll(() => provider.close());

  const both = useBoth({ prepare: mount });

  it.each(Object.keys(VISITS))('gives the same answers: %s', async (name) => {
    const { ours, theirs } = await both.answers(VISITS[name]!);
    expect(ours).toEqual(theirs);
    expect(ours.map(({ status }) => status)).toEqual(STATUSES[name]);
  });
});
