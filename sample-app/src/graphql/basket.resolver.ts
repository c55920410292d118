import { UseFilters } from '@nestjs/common';
import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Session, type ReadonlySession } from 'nestjs-session-manager';

import { addOne } from '../basket/basket.js';
import type { Product } from '../basket/catalogue.js';
import { ProductPipe } from '../basket/product.pipe.js';
import { basketModel, BasketModel } from './basket.model.js';
import { ResolverErrorFilter } from './resolver-error.filter.js';

/** The session is the same for all fields of an operation: read once, and stored once. */
@Resolver(() => BasketModel)
@UseFilters(ResolverErrorFilter)
export class BasketResolver {
  @Query(() => BasketModel)
  basket(@Session({ readOnly: true }) session: ReadonlySession) {
    return basketModel(session.basket);
  }

  @Mutation(() => BasketModel)
  addToBasket(
    @Session() session: Session,
    @Args('product', { type: () => ID }, ProductPipe) product: Product,
  ) {
    session.update('basket', (basket) => addOne(basket, product));
    return basketModel(session.basket);
  }
}
