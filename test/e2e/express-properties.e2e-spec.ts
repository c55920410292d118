import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Req, Res, type INestApplication } from '@nestjs/common';
import cookieParser from 'cookie-parser';
import type { Request, Response } from 'express';
import express from 'express';

import type { ExpressPrototypes } from '../../src/http/express-properties.js';
import { Session } from '../../src/index.js';
import { useMemcached } from '../support/hooks.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

setFlagsFromString('--allow-natives-syntax');
const haveSameMap = runInThisContext('(a, b) => %HaveSameMap(a, b)') as (
  a: object,
  b: object,
) => boolean;

let met: { request: Request; response: Response }[] = [];

@Controller()
class PropertiesController {
  @Get()
  read(
    @Session() session: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ) {
    met.push({ request, response });
    return { reads: session.get('reads') ?? null };
  }
}

describe('the properties that Express adds to a request', () => {
  const memcached = useMemcached();
  let app: SessionApp;

  afterEach(async () => {
    met = [];
    await app.close();
  });

  async function start(prepare?: (app: INestApplication) => void): Promise<void> {
    const options = { memcached: memcached.server };
    app = await startSessionApp({
      ...{ options, controllers: [PropertiesController] },
      ...(prepare && { prepare }),
    });
  }

  it('do not give each response a hidden class of its own', async () => {
    await start((nest) => nest.use(cookieParser()));
    for (let turn = 0; turn < 20; turn++) await app.visitor().get('/');
    const [one, other] = met.slice(-2);
    expect(haveSameMap(one!.response, other!.response)).toBe(true);
  });

  it('have the values that Express gives them', async () => {
    await start((nest) => nest.use(cookieParser('secret')));
    await app.visitor().get('/?a=1', { headers: { cookie: 'theme=dark' } });
    const { request, response } = met[0]!;
    expect(request).toMatchObject({
      ...{ baseUrl: '', originalUrl: '/?a=1', query: { a: '1' }, body: undefined },
      ...{ secret: 'secret', cookies: { theme: 'dark' }, res: response },
    });
    expect(request.route).toBeDefined();
    expect(response.locals).toEqual({});
  });

  it('are not hidden if the application defines them on a prototype', async () => {
    await start((nest) => {
      const { request, response } = nest.getHttpAdapter().getInstance() as ExpressPrototypes;
      Object.defineProperty(request, 'body', { get: () => 'lazily parsed' });
      Object.defineProperty(response, 'locals', { value: 'of all responses' });
    });
    await app.visitor().get('/');
    expect(met[0]!.request.body).toBe('lazily parsed');
    expect(met[0]!.response.locals).toBe('of all responses');
  });

  it('do not look to middleware before the parsers as if a body was read', async () => {
    const seen: string[] = [];
    await start((nest) => {
      nest.use((request: Request, _response: Response, next: () => void) => {
        seen.push(`${request.method} ${'body' in request} ${'cookies' in request}`);
        next();
      });
    });
    await app.visitor().post('/');
    expect(seen).toEqual(['POST false false']);
  });

  it('keep the values that an Express application around this one has given', async () => {
    await start();
    const parent = express();
    parent.use((request, response, next) => {
      request.body = 'read before';
      response.locals.from = 'the parent';
      next();
    });
    parent.use('/below', app.app.getHttpAdapter().getInstance() as express.Application);
    const server = parent.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as { port: number };
      await fetch(`http://127.0.0.1:${port}/below/`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(met[0]!.request).toMatchObject({ body: 'read before', baseUrl: '/below' });
    expect(met[0]!.response.locals).toEqual({ from: 'the parent' });
  });
});
