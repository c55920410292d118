import 'reflect-metadata';

import { afterEach, describe, expect, it } from '@jest/globals';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import {
  Controller,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Cache } from 'cache-manager';
import type { AddressInfo } from 'node:net';

import {
  memcachedStore,
  Session,
  SessionError,
  SessionManager,
  SessionModule,
  UserSessions,
  type SessionModuleOptions,
} from '../../src/index.js';
import { SESSION_MODULE } from '../../src/session-module-imports.js';
import { visitor } from '../support/http-client.js';

@Controller()
class VisitsController {
  constructor(private readonly sessions: SessionManager) {}

  @Get()
  async visit(@Session() session: Session) {
    return {
      visits: session.increment('visits'),
      same: session === (await this.sessions.current()),
    };
  }
}

const apps: INestApplication[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

type Import = DynamicModule | Type | Promise<DynamicModule> | { forwardRef: () => unknown };

/** An application whose root imports some, and a feature module that imports others. */
async function start(inApp: Import[], inFeature: Import[], moreOfNest: object = {}) {
  @Module({ imports: inFeature as Type[], controllers: [VisitsController] })
  class ShopModule {}

  @Module({ imports: [...(inApp as Type[]), ShopModule] })
  class AppModule {}

  const app = await NestFactory.create(AppModule, {
    ...{ logger: false, abortOnError: false },
    ...moreOfNest,
  });
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return { app, visitor: () => visitor(`http://127.0.0.1:${port}`) };
}

const twice = { code: 'SESSION_MODULE_TWICE' };
const algorithms = [{}, { moduleIdGeneratorAlgorithm: 'deep-hash' }];

describe.each(algorithms)('with %j', (nest) => {
  it.each<[string, Import[], Import[]]>([
    ['others', [SessionModule.forRoot({ timeout: 60 })], [SessionModule.forRoot({ timeout: 61 })]],
    ['none', [SessionModule.forRoot({ timeout: 60 })], [SessionModule.forRoot()]],
    [
      'a nested other one',
      [SessionModule.forRoot({ cookie: { name: 'SHOP' } })],
      [SessionModule.forRoot({ cookie: { name: 'ADMIN' } })],
    ],
    [
      'a store of their own',
      [SessionModule.forRoot({ stores: memcachedStore('127.0.0.1:1') })],
      [SessionModule.forRoot({ stores: memcachedStore('127.0.0.1:1') })],
    ],
    [
      'other visibility',
      [SessionModule.forRoot({ isGlobal: false })],
      [SessionModule.forRoot({ isGlobal: true })],
    ],
    [
      'another factory',
      [SessionModule.forRootAsync({ useFactory: () => ({ timeout: 60 }) })],
      [SessionModule.forRootAsync({ useFactory: () => ({ timeout: 60 }) })],
    ],
    [
      'another form',
      [SessionModule.forRoot({ timeout: 60 })],
      [SessionModule.forRootAsync({ useFactory: () => ({ timeout: 60 }) })],
    ],
    [
      'others, in a promise',
      [SessionModule.forRoot({ timeout: 60 })],
      [Promise.resolve(SessionModule.forRoot())],
    ],
    [
      'others, by a forward reference',
      [SessionModule.forRoot({ timeout: 60 })],
      [forwardRef(() => SessionModule.forRoot())],
    ],
  ])('a second module with %s fails the start, and both are named', async (_what, one, other) => {
    const starting = start(one, other, nest);
    await expect(starting).rejects.toBeInstanceOf(SessionError);
    await expect(starting).rejects.toMatchObject({
      ...twice,
      message: expect.stringMatching(
        /one in (AppModule, another in ShopModule|ShopModule, another in AppModule)\. Import it once/,
      ),
    });
    await expect(start(other, one, nest)).rejects.toMatchObject(twice);
  });

  it('a dynamic module that imports the second one is named, too', async () => {
    class PluginModule {}
    const plugin = { module: PluginModule, imports: [SessionModule.forRoot({ timeout: 61 })] };
    await expect(start([SessionModule.forRoot(), plugin], [], nest)).rejects.toMatchObject({
      ...twice,
      message: expect.stringMatching(/AppModule.*PluginModule|PluginModule.*AppModule/),
    });
  });

  it('a third module is named, and modules with the same options together', async () => {
    @Module({ imports: [SessionModule.forRoot({ timeout: 3 })] })
    class ThirdModule {}
    const starting = start(
      [SessionModule.forRoot(), ThirdModule],
      [SessionModule.forRoot({})],
      nest,
    );
    await expect(starting).rejects.toThrow(/(AppModule and ShopModule|ShopModule and AppModule)/);
    await expect(starting).rejects.toThrow('ThirdModule');
  });

  const cookie = { name: 'same' };
  const options: SessionModuleOptions = { cookie, timeout: 60 };
  const stores = memcachedStore('127.0.0.1:1');
  const useFactory = (): SessionModuleOptions => ({ cookie });

  @Injectable()
  class OptionsFactory {
    createSessionOptions = (): SessionModuleOptions => ({ cookie });
  }

  it.each<[string, () => DynamicModule]>([
    ['the same object', () => SessionModule.forRoot(options)],
    ['equal ones', () => SessionModule.forRoot({ timeout: 60, cookie: { name: 'same' } })],
    [
      'equal ones, one left out and one undefined',
      (() => {
        const calls = [{ cookie }, { cookie, timeout: undefined as unknown as number }];
        return () => SessionModule.forRoot(calls.shift());
      })(),
    ],
    ['not global', () => SessionModule.forRoot({ isGlobal: false, cookie: { name: 'same' } })],
    ['the same factory', () => SessionModule.forRootAsync({ useFactory, inject: [], imports: [] })],
    ['the same class', () => SessionModule.forRootAsync({ useClass: OptionsFactory })],
  ])('the same options twice are one module: %s', async (_what, sessions) => {
    const { app, visitor } = await start([sessions()], [sessions()], nest);
    const somebody = visitor();
    await somebody.get('/');
    expect((await somebody.get('/')).json).toEqual({ visits: 2, same: true });
    expect(somebody.cookie).toMatch(/^same=/);
    expect(app.get(UserSessions, { strict: false })).toBeInstanceOf(UserSessions);
  });

  it('modules with the same options and the same store are one', async () => {
    const sessions = () => SessionModule.forRoot({ stores: [stores], cookie });
    await expect(start([sessions()], [sessions()], nest)).resolves.toBeDefined();
  });

  it("SessionModule without forRoot() fails with its importer's name", async () => {
    await expect(start([], [SessionModule], nest)).rejects.toMatchObject({
      code: 'SESSION_MODULE_BARE',
      message: expect.stringContaining('ShopModule imports SessionModule without forRoot()'),
    });
  });

  it('SessionModule without forRoot() beside one with it fails, and both are named', async () => {
    const sessions = SessionModule.forRoot();
    for (const [one, other] of [
      [[sessions], [SessionModule]],
      [[SessionModule], [sessions]],
    ]) {
      await expect(start(one!, other!, nest)).rejects.toMatchObject({
        code: 'SESSION_MODULE_BARE',
        message: expect.stringMatching(
          /^(App|Shop)Module imports SessionModule without.*(App|Shop)Module imports SessionModule.forRoot\(\) already/,
        ),
      });
    }
  });
});

it('a module that exports SessionModule passes it on', async () => {
  @Module({
    imports: [SessionModule.forRoot({ isGlobal: false })],
    exports: [SessionModule],
  })
  class SharedModule {}
  const { visitor } = await start([SharedModule], [SharedModule]);
  expect((await visitor().get('/')).json).toEqual({ visits: 1, same: true });
});

it('a SessionModule of another copy of the package is distinguished from a second one', async () => {
  @Module({})
  class SessionModuleOfAnotherCopy {
    static readonly [SESSION_MODULE] = true;
  }
  const starting = start([SessionModule.forRoot()], [{ module: SessionModuleOfAnotherCopy }]);
  await expect(starting).rejects.toMatchObject({
    ...twice,
    message: expect.stringContaining('npm ls nestjs-session-manager'),
  });
});

it('a cache of the application does not count as a second module', async () => {
  @Injectable()
  class CacheUser {
    constructor(@Inject(CACHE_MANAGER) readonly cache: Cache) {}
  }
  @Module({ imports: [CacheModule.register()], providers: [CacheUser] })
  class CacheUserModule {}
  await expect(start([SessionModule.forRoot(), CacheUserModule], [])).resolves.toBeDefined();
});
