import 'reflect-metadata';

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Module,
  type INestApplication,
  type MiddlewareConsumer,
  type NestModule,
  type Type,
} from '@nestjs/common';
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import express from 'express';

import {
  memcachedStore,
  Session,
  SessionManager,
  SessionModule,
  sessionOf,
  type SessionModuleOptions,
} from '../../src/index.js';
import { useMemcached } from '../support/hooks.js';
import { visitor, type Visitor } from '../support/http-client.js';
import { PLATFORMS, type Platform } from '../support/session-app.js';

type Next = (signal?: string) => void;
type Handler = (request: IncomingMessage, response: ServerResponse, next: Next) => unknown;

const apps: INestApplication[] = [];
const memcached = useMemcached();

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
/** An application's module: `<name>/in` writes to its session, by all ways to it; `<name>/out` reads it. */
function appModule(name: string, options: SessionModuleOptions): Type {
  @Controller(name)
  class OwnController {
    constructor(private readonly sessions: SessionManager) {}

    @Get('in')
    async in(@Session() session: Session) {
      session.set('by', name);
      return { same: (await this.sessions.current()) === session };
    }

    @Get('out')
    out(@Session() session: Session) {
      return session.toJSON();
    }

    @Get('user')
    async user(@Session() session: Session) {
      await session.signIn(name);
    }

    @Get('big')
    big(@Session() session: Session) {
      session.set('big', 'x'.repeat(1000));
    }
  }

  @Module({ imports: [SessionModule.forRoot(options)], controllers: [OwnController] })
  class OwnModule implements NestModule {
    configure(consumer: MiddlewareConsumer): void {
      consumer
        .apply((request: object, _response: object, next: (error?: unknown) => void) => {
          sessionOf(request)
            .then((session) => session.set('seenBy', name))
            .then(() => next(), next);
        })
        .forRoutes(`${name}/in`, 'everywhere/*path');
    }
  }
  return OwnModule;
}

function create(module: Type, adapter: AbstractHttpAdapter): Promise<INestApplication> {
  return NestFactory.create(module, adapter, { logger: false, abortOnError: false }).then((app) => {
    apps.push(app);
    return app;
  });
}

async function listen(app: INestApplication): Promise<Visitor> {
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return visitor(`http://127.0.0.1:${port}`);
}

const adapterOf = (platform: Platform) =>
  platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();

const shop = (more: SessionModuleOptions = {}) =>
  appModule('shop', {
    cookie: { name: 'SHOP' },
    memcached: memcached.server,
    keyPrefix: 'shop:',
    ...more,
  });
const admin = (more: SessionModuleOptions = {}) =>
  appModule('admin', { cookie: { name: 'ADMIN' }, timeout: 60, keyPrefix: 'admin:', ...more });

/** The names of the cookies that a visitor has. */
const cookiesOf = (somebody: Visitor) =>
  somebody.cookie
    .split('; ')
    .map((pair) => pair.split('=')[0])
    .sort();

const pairs = PLATFORMS.flatMap((one) => PLATFORMS.map((other) => [one, other] as const));

describe.each(pairs)('two applications in one process, on %s and on %s', (one, other) => {
  it('each have their own options and stores', async () => {
    const first = await listen(await create(shop(), adapterOf(one)));
    const second = await listen(await create(admin(), adapterOf(other)));
    expect((await first.get('/shop/in')).json).toEqual({ same: true });
    expect((await second.get('/admin/in')).json).toEqual({ same: true });
    expect([cookiesOf(first), cookiesOf(second)]).toEqual([['SHOP'], ['ADMIN']]);
    expect((await first.get('/shop/out')).json).toEqual({ by: 'shop', seenBy: 'shop' });
    expect((await second.get('/admin/out')).json).toEqual({ by: 'admin', seenBy: 'admin' });
  });

  it('continue when the other has closed, and a third may follow', async () => {
    const first = await listen(await create(shop(), adapterOf(one)));
    await first.get('/shop/in');
    for (let times = 0; times < 2; times++) {
      const app = await create(admin(), adapterOf(other));
      const second = await listen(app);
      await second.get('/admin/in');
      expect((await second.get('/admin/out')).json).toEqual({ by: 'admin', seenBy: 'admin' });
      await app.close();
    }
    expect((await first.get('/shop/out')).json).toEqual({ by: 'shop', seenBy: 'shop' });
    expect(cookiesOf(first)).toEqual(['SHOP']);
  });
});

// Fastify's middleware cannot be called with a request of Express's.
const mountable = pairs.filter(([outer, inner]) => !(outer === 'express' && inner === 'fastify'));

describe.each(mountable)('an application on %s with one on %s in it', (one, other) => {
  it('each has its own session, even in one request', async () => {
    const inner = await ready(await create(admin(), adapterOf(other)), other);
    const outer = await create(shop(), adapterOf(one));
    const handle = handlerOf(inner, other);
    const through: Handler = async (request, response, next) => {
      if (!request.url!.startsWith('/admin')) return next();
      const session = await sessionOf(request);
      session.set('sentOn', true);
      await handle(request, response, next);
    };
    outer.use(through);
    const somebody = await listen(outer);
    expect((await somebody.get('/admin/in')).json).toEqual({ same: true });
    expect(cookiesOf(somebody)).toEqual(['ADMIN', 'SHOP']);
    expect((await somebody.get('/admin/out')).json).toEqual({ by: 'admin', seenBy: 'admin' });
    await somebody.get('/shop/in');
    expect((await somebody.get('/shop/out')).json).toEqual({
      ...{ sentOn: true, by: 'shop', seenBy: 'shop' },
    });
  });

  it('accepts a sign-in without signing in at the other', async () => {
    const inner = await ready(await create(admin(), adapterOf(other)), other);
    const outer = await create(shop(), adapterOf(one));
    const handle = handlerOf(inner, other);
    outer.use((request: IncomingMessage, response: ServerResponse, next: Next) =>
      request.url!.startsWith('/admin') ? handle(request, response, next) : next(),
    );
    const somebody = await listen(outer);
    await somebody.get('/shop/in');
    await somebody.get('/admin/user');
    expect((await somebody.get('/shop/out')).json).toEqual({ by: 'shop', seenBy: 'shop' });
    expect(cookiesOf(somebody)).toEqual(['ADMIN', 'SHOP']);
  });
});

/** To be called, not to listen. */
async function ready(app: INestApplication, platform: Platform): Promise<INestApplication> {
  await app.init();
  if (platform === 'fastify')
    await (app.getHttpAdapter().getInstance() as { ready(): unknown }).ready();
  return app;
}

function handlerOf(app: INestApplication, platform: Platform): Handler {
  const instance: unknown = app.getHttpAdapter().getInstance();
  return platform === 'express'
    ? (instance as Handler)
    : (request, response) => (instance as { routing: Handler }).routing(request, response, nothing);
}

const nothing = () => undefined;

it('a session that one of them cannot store refuses the whole response', async () => {
  const full = memcachedStore(memcached.server);
  const inner = await create(admin({ stores: full, maxBytes: 100 }), new ExpressAdapter());
  await inner.init();
  const outer = await create(shop(), new ExpressAdapter());
  const handle = handlerOf(inner, 'express');
  outer.use(async (request: IncomingMessage, response: ServerResponse, next: Next) => {
    if (!request.url!.startsWith('/admin')) return next();
    const session = await sessionOf(request);
    session.set('sentOn', true);
    await handle(request, response, next);
  });
  const somebody = await listen(outer);
  expect((await somebody.get('/admin/big')).status).toBe(500);
  expect(cookiesOf(somebody)).toEqual(['SHOP']);
});

it('a request that the mounted application passes on belongs to the outer one again', async () => {
  const inner = await create(admin(), new ExpressAdapter());
  // Before Nest's own handler of what is not found.
  inner.use('/passed', (request: IncomingMessage, _response: object, next: Next) =>
    sessionOf(request)
      .then((session) => session.set('passed', 'inner'))
      .then(() => (next as (signal: string) => void)('router')),
  );
  await inner.init();
  const outer = await create(shop(), new ExpressAdapter());
  outer.use('/', handlerOf(inner, 'express'));
  outer.use('/passed', async (request: IncomingMessage, response: ServerResponse) => {
    const session = await sessionOf(request);
    session.set('passed', 'outer');
    response.end('{}');
  });
  const somebody = await listen(outer);
  await somebody.get('/passed');
  expect(cookiesOf(somebody)).toEqual(['ADMIN', 'SHOP']);
});

describe('two applications on one Express instance', () => {
  it.each(['first', 'second'])('never mix, whichever server is used: the %s one', async (asked) => {
    const server = express();
    const one = await create(shop(), new ExpressAdapter(server));
    one.setGlobalPrefix('one');
    const other = await create(admin(), new ExpressAdapter(server));
    other.setGlobalPrefix('other');
    await (asked === 'first' ? other : one).init();
    await visitBoth(await listen(asked === 'first' ? one : other));
  });

  it('never mix with one adapter', async () => {
    const adapter = new ExpressAdapter();
    const one = await create(shop(), adapter);
    one.setGlobalPrefix('one');
    const other = await create(admin(), adapter);
    other.setGlobalPrefix('other');
    await one.init();
    const somebody = await listen(other);
    await visitBoth(somebody);
  });

  it('never mix if a prefix separates them, with middleware for all routes', async () => {
    const server = express();
    const one = await create(shop(), new ExpressAdapter(server));
    one.setGlobalPrefix('one');
    const other = await create(admin(), new ExpressAdapter(server));
    other.setGlobalPrefix('other');
    other.use((request: IncomingMessage, _response: object, next: Next) =>
      sessionOf(request)
        .then((session) => session.set('everywhere', true))
        .then(() => next()),
    );
    await one.init();
    const somebody = await listen(other);
    expect((await somebody.get('/one/shop/in')).json).toEqual({ same: true });
    expect(cookiesOf(somebody)).toEqual(['ADMIN', 'SHOP']);
    expect((await somebody.get('/one/shop/out')).json).toEqual({ by: 'shop', seenBy: 'shop' });
    await somebody.get('/other/admin/in');
    expect((await somebody.get('/other/admin/out')).json).toEqual({
      ...{ by: 'admin', seenBy: 'admin', everywhere: true },
    });
  });

  it('let the second continue when the first has closed', async () => {
    const server = express();
    const one = await create(shop(), new ExpressAdapter(server));
    one.setGlobalPrefix('one');
    await one.init();
    const other = await create(admin(), new ExpressAdapter(server));
    other.setGlobalPrefix('other');
    const somebody = await listen(other);
    await somebody.get('/other/admin/in');
    await one.close();
    expect((await somebody.get('/other/admin/out')).json).toEqual({ by: 'admin', seenBy: 'admin' });
    expect(cookiesOf(somebody)).toEqual(['ADMIN']);
  });

  async function visitBoth(somebody: Visitor) {
    expect((await somebody.get('/one/shop/in')).json).toEqual({ same: true });
    expect(cookiesOf(somebody)).toEqual(['SHOP']);
    expect((await somebody.get('/other/admin/in')).json).toEqual({ same: true });
    expect(cookiesOf(somebody)).toEqual(['ADMIN', 'SHOP']);
    expect((await somebody.get('/one/shop/out')).json).toEqual({ by: 'shop', seenBy: 'shop' });
    expect((await somebody.get('/other/admin/out')).json).toEqual({ by: 'admin', seenBy: 'admin' });
  }
});

it('two applications with one FastifyAdapter are refused, as their requests cannot be distinguished', async () => {
  const adapter = new FastifyAdapter();
  await create(shop(), adapter);
  await expect(create(admin(), adapter)).rejects.toMatchObject({
    code: 'SESSION_SERVER_SHARED',
    message: expect.stringContaining('FastifyAdapter of its own'),
  });
});
