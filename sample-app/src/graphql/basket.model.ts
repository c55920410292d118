import { Field, ID, Int, ObjectType } from '@nestjs/graphql';

import { countAll, type Basket } from '../basket/basket.js';

@ObjectType('Line')
export class LineModel {
  @Field(() => ID)
  readonly product!: string;

  @Field(() => Int)
  readonly count!: number;
}

@ObjectType('Basket')
export class BasketModel {
  @Field(() => [LineModel])
  readonly lines!: LineModel[];

  @Field(() => Int)
  readonly total!: number;
}

export function basketModel(basket: Basket = {}): BasketModel {
  const lines = Object.entries(basket).map(([product, count]) => ({ product, count }));
  return { lines, total: countAll(basket) };
}
