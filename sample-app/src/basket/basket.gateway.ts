import { UseGuards } from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { Session, type ReadonlySession } from 'nestjs-session-manager';
import type { Server, WebSocket } from 'ws';

import { addOne, removeOne } from './basket.js';
import { ClickPipe, type Click } from './click.pipe.js';
import { isOwnPage } from './own-page.js';
import { SessionNeededGuard } from './session-needed.guard.js';

const CHANGED = JSON.stringify({ event: 'changed' });

/**
 * The open pages of baskets. They are notified that a basket has changed, not how: each then reads it, and
 * shows what is stored, in whichever window the clicks were.
 *
 * When a session ends, the package closes its pages, with code 4401.
 */
@WebSocketGateway({ path: '/basket/live', verifyClient: isOwnPage, maxPayload: 1000 })
@UseGuards(SessionNeededGuard)
export class BasketGateway {
  @WebSocketServer()
  private readonly server!: Server;
  private readonly sessionIds = new WeakMap<WebSocket, string>();

  /** Clients that have looked get changes. */
  @SubscribeMessage('look')
  look(@Session({ readOnly: true }) session: ReadonlySession, @ConnectedSocket() page: WebSocket) {
    this.sessionIds.set(page, session.id);
    return { event: 'basket', data: session.basket ?? {} };
  }

  @SubscribeMessage('add')
  add(@Session() session: Session, @MessageBody(ClickPipe) { product, number }: Click) {
    session.update('basket', (basket) => addOne(basket, product));
    return this.store(session, number);
  }

  @SubscribeMessage('remove')
  remove(@Session() session: Session, @MessageBody(ClickPipe) { product, number }: Click) {
    session.update('basket', (basket) => removeOne(basket, product));
    return this.store(session, number);
  }

  private async store(session: Session, click: number | undefined) {
    await this.tellPages(session);
    return click === undefined ? undefined : { event: 'stored', data: click };
  }

  /**
   * Stores the session before it notifies the other pages of this process. Pages of other processes read the
   * basket again when the visitor returns to them.
   */
  async tellPages(session: Session): Promise<void> {
    await session.save();
    for (const page of this.server.clients) {
      if (this.sessionIds.get(page) === session.id) page.send(CHANGED);
    }
  }
}
