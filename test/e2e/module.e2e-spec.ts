import 'reflect-metadata';

import { afterEach, describe, expect, it } from '@jest/globals';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  ParseIntPipe,
  type CallHandler,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestModule,
  type Type,
  UseInterceptors,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import type { Cache } from 'cache-manager';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { from, switchMap } from 'rxjs';

import {
  memcachedStore,
  Session,
  SessionManager,
  SessionModule,
  SessionOptionsError,
  sessionOf,
  type SessionModuleOptions,
} from '../../src/index.js';
import { visitor } from '../support/http-client.js';
import { startMemcached } from '../support/memcached.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { LogRecord, PLATFORMS, type Platform } from '../support/session-app.js';

@Injectable()
class MarkingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const marked = sessionOf(context).then((session) => session.increment('intercepted'));
    return from(marked).pipe(switchMap(() => next.handle()));
  }
}

@Controller()
class MixedController {
  @Get()
  all(@Session() session: Session) {
    return session.toJSON();
  }

  @Get('piped')
  piped(@Session('count', ParseIntPipe) count: number) {
    return { count };
  }

  @Get('set')
  set(@Session() session: Session) {
    session.set('count', '42');
  }

  @Get('intercepted')
  @UseInterceptors(MarkingInterceptor)
  intercepted() {
    return 'fine';
  }
}

@Controller('scoped')
class ScopedController {
  constructor(private readonly sessions: SessionManager) {}

  @Get()
  async same(@Session() session: Session) {
    return { same: session === (await this.sessions.current()) };
  }
}

/** A module that does not import SessionModule and has no need to. */
@Module({ controllers: [MixedController, ScopedController] })
class FeatureModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    const middleware = (request: object, _response: object, next: (error?: unknown) => void) => {
      sessionOf(request)
        .then((session) => session.increment('middleware'))
        .then(() => next(), next);
    };
    consumer.apply(middleware).forRoutes('middleware', 'intercepted');
  }
}

/** Uses the cache of the application. */
@Injectable()
class CacheUser {
  constructor(@Inject(CACHE_MANAGER) readonly cache: Cache) {}
}

@Module({ providers: [CacheUser] })
class CacheUserModule {}

const apps: INestApplication[] = [];

async function start(
  sessions: DynamicModule | undefined,
  options: { platform?: Platform; modules?: (DynamicModule | Type)[] } = {},
) {
  const { platform = 'express', modules = [FeatureModule] } = options;
  const logged = new LogRecord();
  const imports = sessions ? [...modules, sessions] : modules;
  const module = await Test.createTestingModule({ imports }).setLogger(logged).compile();
  const app =
    platform === 'fastify'
      ? module.createNestApplication(new FastifyAdapter())
      : module.createNestApplication();
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return { app, logged, visitor: () => visitor(`http://127.0.0.1:${port}`) };
}

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

describe.each(PLATFORMS)('SessionModule, on %s', (platform) => {
  it('is global: other modules use sessions without importing it', async () => {
    const { visitor } = await start(SessionModule.forRoot(), { platform });
    expect((await visitor().get('/scoped')).json).toEqual({ same: true });
  });

  it('applies pipes to an entry', async () => {
    const somebody = (await start(SessionModule.forRoot(), { platform })).visitor();
    await somebody.get('/set');
    expect((await somebody.get('/piped')).json).toEqual({ count: 42 });
  });

  it("gives middleware and interceptors the request's session by sessionOf()", async () => {
    const somebody = (await start(SessionModule.forRoot(), { platform })).visitor();
    expect((await somebody.get('/intercepted')).setCookies).toHaveLength(1);
    expect((await somebody.get('/')).json).toEqual({ middleware: 1, intercepted: 1 });
  });

  it('is named in a clear error of @Session() if it is missing', async () => {
    @Module({ controllers: [MixedController] })
    class LonelyModule {}

    const { visitor, logged } = await start(undefined, { platform, modules: [LonelyModule] });
    expect((await visitor().get('/')).status).toBe(500);
    expect(logged.errors).toEqual([expect.stringContaining('Import SessionModule.forRoot()')]);
  });
});

it('sessionOf() without the module names the remedy', async () => {
  await expect(sessionOf({ headers: {} })).rejects.toMatchObject({
    code: 'SESSION_MODULE_MISSING',
    message: expect.stringContaining('SessionModule.forRoot()'),
  });
});

it('sessionOf() serves Express middleware that was mounted before the module started', async () => {
  const module = await Test.createTestingModule({
    imports: [SessionModule.forRoot(), FeatureModule],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  apps.push(app);
  app.use((request: object, _response: object, next: (error?: unknown) => void) => {
    sessionOf(request)
      .then((session) => session.increment('early'))
      .then(() => next(), next);
  });
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  expect((await visitor(`http://127.0.0.1:${port}`).get('/')).json).toEqual({ early: 1 });
});

describe('SessionModule.forRootAsync', () => {
  const options: SessionModuleOptions = { cookie: { name: 'async' } };
  const OPTIONS = Symbol('options');

  @Injectable()
  class OptionsFactory {
    createSessionOptions(): SessionModuleOptions {
      return options;
    }
  }

  @Module({
    providers: [{ provide: OPTIONS, useValue: options }, OptionsFactory],
    exports: [OPTIONS, OptionsFactory],
  })
  class OptionsModule {}

  it.each([
    [
      'useFactory',
      SessionModule.forRootAsync({
        imports: [OptionsModule],
        inject: [OPTIONS],
        useFactory: (given: SessionModuleOptions) => Promise.resolve(given),
      }),
    ],
    ['useClass', SessionModule.forRootAsync({ useClass: OptionsFactory })],
    [
      'useExisting',
      SessionModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsFactory }),
    ],
  ])('accepts the options of %s', async (_name, sessions) => {
    const somebody = (await start(sessions)).visitor();
    await somebody.get('/set');
    expect(somebody.cookie).toMatch(/^async=[\w-]{43}$/);
    expect((await somebody.get('/')).json).toEqual({ count: '42' });
  });

  it('accepts the application’s own cache', async () => {
    const memcached = await startMemcached();
    const stores = [memcachedStore(memcached.server)];
    const cache = CacheModule.register({ isGlobal: true, stores });
    const sessions = SessionModule.forRootAsync({
      inject: [CACHE_MANAGER],
      useFactory: (given: Cache) => ({ cache: given }),
    });
    const { app, visitor } = await start(sessions, {
      modules: [FeatureModule, cache, CacheUserModule],
    });
    const somebody = visitor();
    await somebody.get('/set');
    expect((await somebody.get('/')).json).toEqual({ count: '42' });
    const own = app.get(CacheUser).cache;
    await own.set('page', { html: '…' }, 5000);
    expect(await own.get('page')).toEqual({ html: '…' });
    const { cmd_touch: renewals, cmd_set: writes } = await memcached.stats();
    expect({ renewals, writes }).toEqual({ renewals: '1', writes: '2' });
    await memcached.stop();
  });
});

it('SessionModule is global unless isGlobal is false; undefined counts as absent', () => {
  const modules = [{}, { isGlobal: undefined }, { isGlobal: false }].map((options) => [
    SessionModule.forRoot(options).global,
    SessionModule.forRootAsync({ ...options, useFactory: () => ({}) }).global,
  ]);
  expect(modules).toEqual([
    [true, true],
    [true, true],
    [false, false],
  ]);
});

it('a cache of the application is not used for sessions unless it is given', async () => {
  const cache = CacheModule.register({ isGlobal: true });
  const modules = [FeatureModule, cache, CacheUserModule];
  const { app, visitor } = await start(SessionModule.forRoot(), { modules });
  const keys: string[] = [];
  app.get(CacheUser).cache.on('set', ({ key }) => keys.push(key));
  const somebody = visitor();
  await somebody.get('/set');
  expect((await somebody.get('/')).json).toEqual({ count: '42' });
  expect(keys).toEqual([]);
});

it('a wrong option fails the start with an error that names it', async () => {
  const starting = start(SessionModule.forRoot({ timeout: 0 }));
  await expect(starting).rejects.toBeInstanceOf(SessionOptionsError);
  await expect(start(SessionModule.forRoot({ timeout: 0 }))).rejects.toMatchObject({
    option: 'timeout',
    code: 'SESSION_OPTIONS',
  });
});

it('a timeout of more than 30 days fails the start with memcached', async () => {
  const timeout = 31 * 24 * 60 * 60;
  await expect(start(SessionModule.forRoot({ timeout, memcached: '127.0.0.1:1' }))).rejects.toThrow(
    'timeout: memcached holds nothing for more than 30 days',
  );
  await expect(start(SessionModule.forRoot({ timeout }))).resolves.toBeDefined();
});

it('a provider of the application injects the manager', async () => {
  @Injectable()
  class CartService {
    constructor(@Inject(SessionManager) private readonly sessions: SessionManager) {}

    async add(item: string) {
      (await this.sessions.current()).update('cart', (cart?: string[]) => [...(cart ?? []), item]);
    }
  }

  @Controller('cart')
  class CartController {
    constructor(private readonly carts: CartService) {}

    @Get('add')
    async add() {
      await this.carts.add('apples');
    }
  }

  @Module({ controllers: [CartController], providers: [CartService] })
  class CartModule {}

  const somebody = (
    await start(SessionModule.forRoot(), { modules: [FeatureModule, CartModule] })
  ).visitor();
  await somebody.get('/cart/add');
  await somebody.get('/cart/add');
  expect((await somebody.get('/')).json).toEqual({ cart: ['apples', 'apples'] });
});

it('a closed application does not use its store any more, even if that is down', async () => {
  const adapter = new PlainAdapter();
  const server = await start(SessionModule.forRoot({ stores: adapter }));
  adapter.failure = new Error('down');
  const cookie = `SID=${'A'.repeat(43)}`;
  for (let times = 0; times < 5; times++) await server.visitor().get('/', { headers: { cookie } });
  await server.app.close();
  const asked = adapter.calls.length;
  await delay(300); // the first probe would come after 100 ms
  expect(adapter.calls).toHaveLength(asked);
});
