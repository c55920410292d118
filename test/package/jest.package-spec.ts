import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startMemcached, type Memcached } from '../support/memcached.js';
import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { guideExample, readmeExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const INSTALL_TIMEOUT = 300_000;

const appModule = `
import { Controller, Get, Module, Param, Post } from '@nestjs/common';
import { Session, SessionModule } from 'nestjs-session-manager';

@Controller('cart')
class CartController {
  @Get()
  show(@Session() session: Session) {
    return session.cart ?? [];
  }

  @Post(':item')
  add(@Session() session: Session, @Param('item') item: string) {
    session.update<string[]>('cart', (cart = []) => [...cart, item]);
    return {};
  }
}

@Module({
  imports: [SessionModule.forRoot({ memcached: process.env.MEMCACHED })],
  controllers: [CartController],
})
export class AppModule {}
`;

const memcachedSpec = `
import { NestFactory } from '@nestjs/core';
import { readSession, sessionCookie } from 'nestjs-session-manager/testing';
import { AppModule } from './app.module';

it('is kept in memcached', async () => {
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.init();
  const cookie = await sessionCookie(app, { userId: '7' });
  expect(await readSession(app, cookie)).toEqual({ userId: '7' });
  await app.close();
});
`;

/** As `nest new` made projects for years. */
const formerOptions = {
  ...{ module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
  ...{ types: ['node', 'jest'], esModuleInterop: true },
};

/** As `nest new` of Nest 11 makes them. */
const presentOptions = {
  ...{ module: 'nodenext', moduleResolution: 'nodenext', resolvePackageJsonExports: true },
  ...{ types: ['node', 'jest'], esModuleInterop: true, isolatedModules: true },
};

const PROJECTS = [
  ['npm', formerOptions],
  ['pnpm', presentOptions],
] as const;

/** What `nest new` of Nest 11 makes, for both kinds of tests. */
const scaffold = { moduleFileExtensions: ['js', 'json', 'ts'], testEnvironment: 'node' };

describe('Jest in a CommonJS project, by the example of its page', () => {
  const open: (() => Promise<void>)[] = [];
  let packed: Packed;
  let memcached: Memcached;
  let sources: Record<string, string>;

  beforeAll(async () => {
    packed = await pack();
    open.push(() => packed.remove());
    memcached = await startMemcached();
    open.push(() => memcached.stop());
    sources = await exampleSources();
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    for (const close of open.reverse()) await close();
  });

  it.each(PROJECTS)(
    'runs the examples, and tests with memcached: %s',
    async (client, compilerOptions) => {
      const consumer = await Consumer.install({
        ...{ nest: 11, type: 'commonjs', archive: packed.archive, client },
        ...{ compilerOptions, more: ['testing'], sources },
        tools: ['jest@30', 'ts-jest@29', '@types/jest@30', 'supertest@7', '@types/supertest@7'],
      });
      open.push(() => consumer.remove());
      // Both configurations at once.
      const projects = ['--projects', '.', 'test/jest-e2e.json'];
      const told = await consumer.jest({ MEMCACHED: memcached.server }, ...projects);
      expect(told).toMatch(/Tests: +9 passed, 9 total/);
    },
    INSTALL_TIMEOUT,
  );
});

/** The examples of the page, with the settings that it adds to those of `nest new`. */
async function exampleSources(): Promise<Record<string, string>> {
  const example = await readmeExample('testing');
  const unitTest = await guideExample('testing', 'unit-test');
  const addition = JSON.parse(await guideExample('testing', 'jest')) as object;
  expect(addition).toMatchObject(JSON.parse(await readmeExample('jest-setting')) as object);
  const unit = { ...scaffold, rootDir: 'src', testRegex: '.*\\.spec\\.ts$', ...addition };
  const e2e = { ...scaffold, rootDir: '.', testRegex: '.e2e-spec.ts$', ...addition };
  return {
    'app.module.ts': appModule,
    'cart.spec.ts': example.replace('./app.module.js', './app.module'),
    'memcached.spec.ts': memcachedSpec,
    'wishes.ts': await guideExample('testing', 'unit-wishes'),
    'unit.spec.ts': unitTest.replace('./wishes.js', './wishes'),
    '../package.json': JSON.stringify({
      ...{ name: 'consumer', private: true, type: 'commonjs', jest: unit },
    }),
    '../test/jest-e2e.json': JSON.stringify(e2e),
    '../test/app.e2e-spec.ts': memcachedSpec.replace('./app.module', '../src/app.module'),
  };
}
