import { Controller, Get, HttpCode, Param, Post, UseFilters } from '@nestjs/common';
import { Session, type ReadonlySession } from 'nestjs-session-manager';

import { addOne, countAll, type Basket } from '../basket/basket.js';
import type { Product } from '../basket/catalogue.js';
import { ProductPipe } from '../basket/product.pipe.js';
import { JsonErrorFilter } from './json-error.filter.js';

/**
 * For clients that keep no cookies: they send their session id as `x-session-id`, an empty one as long
 * as they have none. Nothing here depends on that; the option `transport` does it.
 */
@Controller('api/basket')
@UseFilters(JsonErrorFilter)
export class BasketApiController {
  @Get()
  show(@Session({ readOnly: true }) { basket }: ReadonlySession) {
    return answer(basket);
  }

  @Post(':product')
  @HttpCode(200)
  add(@Session() session: Session, @Param('product', ProductPipe) product: Product) {
    session.update('basket', (basket) => addOne(basket, product));
    return answer(session.basket);
  }
}

function answer(basket: Basket = {}) {
  return { basket, total: countAll(basket) };
}
