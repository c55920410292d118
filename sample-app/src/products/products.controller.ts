import { Controller, Get, Render } from '@nestjs/common';
import { Session, type ReadonlySession } from 'nestjs-session-manager';

import { countAll } from '../basket/basket.js';
import { CATALOGUE } from '../basket/catalogue.js';

@Controller('products')
export class ProductsController {
  /**
   * The page that all visitors see. It only reads the session, so its response is not held back and
   * nothing is looked at when it leaves. In an outage it shows its products without the session.
   */
  @Get()
  @Render('products')
  products(@Session({ readOnly: true, onOutage: 'anonymous' }) session: ReadonlySession) {
    return { session, products: CATALOGUE, inBasket: countAll(session.basket) };
  }
}
