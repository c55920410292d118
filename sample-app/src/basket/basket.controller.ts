import {
  Body,
  Controller,
  Get,
  Param,
  Post,
  Redirect,
  Render,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import type { Response } from 'express';
import { Session } from 'nestjs-session-manager';

import { SaveSessionInterceptor } from '../save-session.interceptor.js';
import { BasketGateway } from './basket.gateway.js';
import { addOne, countAll, priceOf, removeOne } from './basket.js';
import { CATALOGUE, type Product } from './catalogue.js';
import { checkNote } from './note.js';
import { ProductPipe } from './product.pipe.js';

/**
 * Every button is a form of its own, and answers with a redirect: reloading the page repeats no click.
 *
 * The basket is changed by `session.update()`: if a parallel click was stored in between, the change
 * is made again, to the basket as it is then. Writing `session.basket = addOne(session.basket, …)`
 * would store the basket that this request had read, and lose the other click.
 */
@Controller('basket')
@UseInterceptors(SaveSessionInterceptor)
export class BasketController {
  constructor(private readonly live: BasketGateway) {}

  @Get()
  @Render('basket')
  async show(@Session() session: Session) {
    return pageOf(session, { notice: await session.flash<string>('notice') });
  }

  /** What cannot be taken is shown again, with what is wrong, beside its field. */
  @Post('note')
  async leaveNote(
    @Session() session: Session,
    @Body('note') text: unknown,
    @Res() response: Response,
  ) {
    const { note, problem } = checkNote(text);
    if (problem) return response.status(422).render('basket', pageOf(session, { note, problem }));
    session.set('note', note);
    session.flash('notice', 'Your note is saved.');
    // Or the response that is held would be replaced by a plain 503, if this cannot be stored.
    await session.save();
    return response.redirect(303, '/basket');
  }

  @Post('empty')
  @Redirect('/basket', 303)
  empty(@Session() session: Session) {
    session.delete('basket');
    return this.live.tellPages(session);
  }

  @Post(':product/add')
  @Redirect('/basket', 303)
  add(@Session() session: Session, @Param('product', ProductPipe) product: Product) {
    session.update('basket', (basket) => addOne(basket, product));
    return this.live.tellPages(session);
  }

  @Post(':product/remove')
  @Redirect('/basket', 303)
  remove(@Session() session: Session, @Param('product', ProductPipe) product: Product) {
    session.update('basket', (basket) => removeOne(basket, product));
    return this.live.tellPages(session);
  }
}

function pageOf(
  session: Session,
  more: { notice?: string | undefined; note?: string; problem?: string },
) {
  const { basket = {}, note = '' } = session;
  const lines = CATALOGUE.map((product) => ({ product, count: basket[product.id] ?? 0 }));
  return { session, lines, total: countAll(basket), price: priceOf(basket), note, ...more };
}
