import { CATALOGUE, type Product } from './catalogue.js';

/** How many of each product, by its id. An empty basket is no basket: `undefined`. */
export type Basket = Readonly<Record<string, number>>;

export function addOne(basket: Basket = {}, { id }: Product): Basket {
  return { ...basket, [id]: (basket[id] ?? 0) + 1 };
}

export function removeOne(basket: Basket = {}, { id }: Product): Basket | undefined {
  const { [id]: count = 0, ...others } = basket;
  if (count > 1) return { ...others, [id]: count - 1 };
  return Object.keys(others).length > 0 ? others : undefined;
}

export function countAll(basket: Basket = {}): number {
  return Object.values(basket).reduce((sum, count) => sum + count, 0);
}

/** In cents. */
export function priceOf(basket: Basket = {}): number {
  return CATALOGUE.reduce((sum, { id, price }) => sum + price * (basket[id] ?? 0), 0);
}
