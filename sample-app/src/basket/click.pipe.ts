import { Injectable, type PipeTransform } from '@nestjs/common';

import type { Product } from './catalogue.js';
import { ProductPipe } from './product.pipe.js';

/** A click, as the page sends it. */
export interface Click {
  readonly product: Product;
  /** The page gets it back when the click is stored; programs may leave it out. */
  readonly number?: number;
}

/** `'bread'`, or `{ product: 'bread', number: 7 }`. */
@Injectable()
export class ClickPipe implements PipeTransform<unknown, Click> {
  constructor(private readonly products: ProductPipe) {}

  transform(message: unknown): Click {
    const { product, number } = Object(message) as { product?: string; number?: unknown };
    return {
      product: this.products.transform(product ?? (message as string)),
      ...(typeof number === 'number' && { number }),
    };
  }
}
