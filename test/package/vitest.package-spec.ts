import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { guideExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const TIMEOUT = 300_000;

const appModule = `
import { Controller, Get, Injectable, Module, Param, Post } from '@nestjs/common';
import { Session, SessionManager, SessionModule } from 'nestjs-session-manager';

@Injectable()
class CartService {
  constructor(private readonly sessions: SessionManager) {}

  async add(item: string) {
    const session = await this.sessions.current();
    session.update<string[]>('cart', (cart = []) => [...cart, item]);
  }
}

@Controller('cart')
class CartController {
  constructor(private readonly cart: CartService) {}

  @Get()
  show(@Session() session: Session) {
    return session.cart ?? [];
  }

  @Post(':item')
  async add(@Param('item') item: string) {
    await this.cart.add(item);
    return {};
  }
}

@Module({
  imports: [SessionModule.forRoot()],
  providers: [CartService],
  controllers: [CartController],
})
export class AppModule {}
`;

const IMPORT = "import { afterAll, beforeAll, describe, expect, it } from 'vitest';\n";

describe('Vitest, for an application with constructor injection', () => {
  let packed: Packed;
  let consumer: Consumer;

  beforeAll(async () => {
    packed = await pack();
    consumer = await Consumer.install({
      ...{ nest: 12, type: 'module', archive: packed.archive, more: ['testing'] },
      tools: ['vitest@4', 'supertest@7', '@types/supertest@7'],
      sources: {
        'app.module.ts': appModule,
        'cart.spec.ts': IMPORT + (await guideExample('testing', 'testing')),
        'wishes.ts': await guideExample('testing', 'unit-wishes'),
        'unit.spec.ts': IMPORT + (await guideExample('testing', 'unit-test')),
      },
    });
  }, TIMEOUT);

  afterAll(async () => {
    await consumer?.remove();
    await packed.remove();
  });

  const passes = async (): Promise<void> => {
    const told = await consumer.vitest();
    expect(told).toMatch(/Test Files +2 passed \(2\)/);
    expect(told).toMatch(/Tests +7 passed \(7\)/);
  };

  it(
    'runs the examples without settings: an application, a controller and a guard',
    passes,
    TIMEOUT,
  );

  it(
    'runs them with Vite 7 and SWC',
    async () => {
      await consumer.add('vite@7', 'unplugin-swc@2', '@swc/core@1');
      expect(await consumer.vitest()).toContain('1 failed | 6 passed');
      await consumer.write('vitest.config.ts', await guideExample('testing', 'vitest-swc'));
      await passes();
    },
    TIMEOUT,
  );
});
