import { Injectable, NotFoundException, type PipeTransform } from '@nestjs/common';

import { CATALOGUE, type Product } from './catalogue.js';

/** The product of an id in the address or in a message. */
@Injectable()
export class ProductPipe implements PipeTransform<string, Product> {
  transform(id: string): Product {
    const product = CATALOGUE.find((candidate) => candidate.id === id);
    if (!product) throw new NotFoundException('There is no such product.');
    return product;
  }
}
