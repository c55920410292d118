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
const compilerOptions = {
  ...{ module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
  ...{ types: ['node', 'jest'], esModuleInterop: true },
};

/** What `nest new` of Nest 11 makes, for both kinds of tests. */
const scaffold = { moduleFileExtensions: ['js', 'json', 'ts'], testEnvironment: 'node' };

describe('Jest in a CommonJS project, as its page has it', () => {
  let packed: Packed;
  let consumer: Consumer;
  let memcached: Memcached;

  beforeAll(async () => {
    packed = await pack();
    memcached = await startMemcached();
    const example = await readmeExample('testing');
    const addition = JSON.parse(await guideExample('testing', 'jest')) as object;
    expect(addition).toMatchObject(JSON.parse(await readmeExample('jest-setting')) as object);
    consumer = await Consumer.install({
      ...{ nest: 11, type: 'commonjs', archive: packed.archive, compilerOptions },
      more: ['testing'],
      tools: ['jest@30', 'ts-jest@29', '@types/jest@30', 'supertest@7', '@types/supertest@7'],
      sources: {
        'app.module.ts': appModule,
        'cart.spec.ts': example.replace('./app.module.js', './app.module'),
        'memcached.spec.ts': memcachedSpec,
        'wishes.ts': await guideExample('testing', 'unit-wishes'),
        'unit.spec.ts': (await guideExample('testing', 'unit-test')).replace(
          './wishes.js',
          './wishes',
        ),
        '../package.json': JSON.stringify({
          ...{ name: 'consumer', private: true, type: 'commonjs' },
          jest: { ...scaffold, rootDir: 'src', testRegex: '.*\\.spec\\.ts$', ...addition },
        }),
        '../test/jest-e2e.json': JSON.stringify({
          ...{ ...scaffold, rootDir: '.', testRegex: '.e2e-spec.ts$', ...addition },
        }),
        '../test/app.e2e-spec.ts': memcachedSpec.replace('./app.module', '../src/app.module'),
      },
    });
  }, INSTALL_TIMEOUT);

  afterAll(async () => {
    await consumer.remove();
    await memcached.stop();
    await packed.remove();
  });

  it(
    'runs the examples, and tests with memcached',
    async () => {
      const told = await consumer.jest({ MEMCACHED: memcached.server });
      expect(told).toMatch(/Tests: +8 passed, 8 total/);
      const e2e = await consumer.jest(
        { MEMCACHED: memcached.server },
        '--config',
        'test/jest-e2e.json',
      );
      expect(e2e).toMatch(/Tests: +1 passed, 1 total/);
    },
    INSTALL_TIMEOUT,
  );
});
