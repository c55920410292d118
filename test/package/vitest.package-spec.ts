import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Consumer } from './consumer.js';
import { pack, type Packed } from './packed.js';
import { guideExample } from './readme-example.js';

/** Milliseconds; a registry or a busy machine may take its time. */
const TIMEOUT = 300_000;

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
  imports: [SessionModule.forRoot()],
  controllers: [CartController],
})
export class AppModule {}
`;

const IMPORT = "import { afterAll, beforeAll, describe, expect, it } from 'vitest';\n";

describe('Vitest without settings', () => {
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

  it(
    'runs the examples: an application, and a controller and a guard by itself',
    async () => {
      const told = await consumer.vitest();
      expect(told).toMatch(/Test Files +2 passed \(2\)/);
      expect(told).toMatch(/Tests +7 passed \(7\)/);
    },
    TIMEOUT,
  );
});
