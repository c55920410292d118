import {
  Catch,
  Controller,
  Get,
  Post,
  UseFilters,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Ack, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { tap } from 'rxjs';
import type { Namespace, Server } from 'socket.io';

import { Session, SessionError, SessionManager, sessionOf } from '../../src/index.js';

@Controller()
export class PagesController {
  @Post('sign-in')
  signIn(@Session() session: Session) {
    session.name = 'Ada';
  }

  @Post('sign-out')
  signOut(@Session() session: Session) {
    return session.destroy();
  }

  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

const codeOf = (error: unknown) => (error instanceof SessionError ? error.code : String(error));

/** Ends the session, and refuses every client. */
class EndingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await sessionOf(context);
    await session.destroy();
    return false;
  }
}

@Catch()
class RethrowingFilter implements ExceptionFilter {
  catch(error: Error): void {
    throw error;
  }
}

@WebSocketGateway()
export class RoomGateway {
  @WebSocketServer()
  server!: Server;

  @SubscribeMessage('name')
  name(@Session('name') name: string | undefined) {
    return name ?? 'nobody';
  }

  @SubscribeMessage('returned')
  returned(@Session() session: Session) {
    session.returned = 'x'.repeat(session.size > 5 ? 1 : 10);
    return 'stored';
  }

  @SubscribeMessage('acknowledged')
  async acknowledged(@Session() session: Session, @Ack() ack: (value: string) => void) {
    session.acknowledged = true;
    ack('stored');
    await Promise.resolve();
  }

  /** Acknowledges when its message has been over for long. */
  @SubscribeMessage('late')
  late(@Session() session: Session, @Ack() ack: (value: string) => void) {
    RoomGateway.acknowledgeLate = () => {
      session.lately = 'x'.repeat(RoomGateway.size);
      ack('stored');
    };
    return RoomGateway.onLate?.();
  }

  static size = 1;
  static acknowledgeLate: () => void;
  static onLate: (() => void) | undefined;

  @UseFilters(RethrowingFilter)
  @SubscribeMessage('rethrown')
  rethrown(@Session() session: Session) {
    session.rethrown = true;
    throw new Error('a fault of the application');
  }

  @UseGuards(EndingGuard)
  @UseFilters(RethrowingFilter)
  @SubscribeMessage('ended')
  ended() {
    return 'never';
  }

  /** What others' sockets have is not this message's. */
  @SubscribeMessage('others')
  async others(@Session() session: Session) {
    session.asked = true;
    const sockets = [...this.server.sockets.sockets.values()];
    const sessions = await Promise.all(sockets.map((socket) => sessionOf(socket)));
    return sessions.map((one) => ({ name: one.name as string, asked: one.asked === true }));
  }

  /** What outlives a message is outside of it. */
  @SubscribeMessage('later')
  later(@Session() session: Session) {
    session.later = 1;
    const client = [...this.server.sockets.sockets.values()][0]!;
    const looking = new Promise((resolve) => setTimeout(resolve, 20)).then(() => sessionOf(client));
    RoomGateway.outlived = looking.then((found) => ({ isSame: found === session, found }));
    return 'soon';
  }

  static outlived: Promise<{ isSame: boolean; found: Session }>;
}

@WebSocketGateway({ namespace: 'admin' })
export class AdminGateway {
  @WebSocketServer()
  server!: Namespace;

  @SubscribeMessage('name')
  name(@Session('name') name: string | undefined) {
    return `admin ${name}`;
  }
}

/** Around all interceptors of a gateway, and those of this package. */
export class LateInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler) {
    if (context.getType() !== 'ws') return next.handle();
    const session = await sessionOf(context);
    return next.handle().pipe(tap(() => session.increment('late')));
  }
}

@WebSocketGateway()
@UseInterceptors(LateInterceptor)
export class LateGateway {
  @SubscribeMessage('intercepted')
  intercepted() {
    return 'intercepted';
  }
}

@WebSocketGateway()
export class ManagerGateway {
  constructor(private readonly sessions: SessionManager) {}

  async handleConnection() {
    ManagerGateway.atConnection = await this.sessions.current().then(() => 'a session', codeOf);
  }

  @SubscribeMessage('managed')
  async managed() {
    const session = await this.sessions.current();
    session.increment('managed');
    const newId = await this.sessions.regenerate().then(() => 'a new id', codeOf);
    return [session.managed as number, newId, await this.sessions.create().catch(codeOf)];
  }

  static atConnection: string;
}

@WebSocketGateway({ path: '/room' })
export class PathGateway {
  static handled = 0;

  @SubscribeMessage('name')
  name(@Session('name') name: string | undefined) {
    return { event: 'answer', data: name ?? 'nobody' };
  }

  @SubscribeMessage('without')
  without() {
    return { event: 'answer', data: ++PathGateway.handled };
  }
}
