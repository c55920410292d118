import { EventEmitter } from 'node:events';

import {
  Controller,
  Get,
  Injectable,
  ParseIntPipe,
  Post,
  UseGuards,
  UseInterceptors,
  UseFilters,
  Catch,
  type ArgumentsHost,
  type ExceptionFilter,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import { concat, EMPTY, fromEvent, map, of, take, type Observable } from 'rxjs';

import { Session, SessionError, sessionOf } from '../../src/index.js';

export const answer = (data: unknown) => ({ event: 'answer', data });

/** What became of it, in the words of the error if it failed. */
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof SessionError ? error.code : String(error)),
  );

@Controller()
export class PagesController {
  @Post('sign-in')
  signIn(@Session() session: Session) {
    session.name = 'Ada';
    session.count = 0;
  }

  @Post('sign-out')
  signOut(@Session() session: Session) {
    return session.destroy();
  }

  @Post('new-id')
  newId(@Session() session: Session) {
    return session.regenerate().then(() => undefined);
  }

  @Post('user')
  async user(@Session() session: Session) {
    await session.signIn('ada');
  }

  @Get('entries')
  entries(@Session() session: Session) {
    return session.toJSON();
  }
}

/** By the client alone: a message's session all the same. */
@Injectable()
class CountingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await sessionOf(context.switchToWs().getClient<object>());
    session.increment('seenByGuard');
    return session.has('name');
  }
}

@Injectable()
class WaitingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await sessionOf(context);
    session.waited = true;
    await RoomGateway.others();
    return true;
  }
}

@Injectable()
class NotingInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const session = await sessionOf(context);
    session.noted = 'before';
    return next.handle().pipe(
      map((value: unknown) => {
        session.noted = 'after';
        return value;
      }),
    );
  }
}

@Catch()
class TellingFilter implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost) {
    const client = host.switchToWs().getClient<{ emit: Send; send: (data: string) => void }>();
    const data = error instanceof SessionError ? error.code : error.message;
    if ('readyState' in client) client.send(JSON.stringify(answer(data)));
    else client.emit('answer', data);
  }
}

type Send = (event: string, data: unknown) => void;

/** A client of either platform. */
interface Closable {
  disconnect?(): void;
  close?(): void;
}

export interface Arrival {
  name: unknown;
  isNew: boolean;
}

@WebSocketGateway()
export class RoomGateway implements OnGatewayConnection, OnGatewayDisconnect {
  static onArrival: ((arrival: Arrival) => void) | undefined;
  static greets = false;
  static others: () => Promise<unknown>;
  static onDeparture: (() => void) | undefined;
  static readonly beats = new EventEmitter();

  async handleConnection(client: object) {
    if (!RoomGateway.greets) return;
    const session = await sessionOf(client);
    const arrival = { name: session.name as unknown, isNew: session.isNew };
    if (!session.isNew) {
      session.arrivals = ((session.arrivals as number | undefined) ?? 0) + 1;
      await session.save();
    }
    RoomGateway.onArrival?.(arrival);
  }

  handleDisconnect() {
    RoomGateway.onDeparture?.();
  }

  @SubscribeMessage('ping')
  ping() {
    return answer('pong');
  }

  @SubscribeMessage('read')
  read(@Session() session: Session) {
    return answer({ name: (session.name as string | undefined) ?? null, isNew: session.isNew });
  }

  @SubscribeMessage('key')
  key(@Session('count', ParseIntPipe) count: number, @MessageBody() body: unknown) {
    return answer({ count, body });
  }

  @SubscribeMessage('glance')
  glance(@Session({ readOnly: true }) session: Session) {
    try {
      session.name = 'Bob';
    } catch (error) {
      return answer({ name: session.name as string, code: (error as SessionError).code });
    }
    return answer('written');
  }

  @SubscribeMessage('increment')
  increment(@Session() session: Session) {
    return answer(session.increment('count'));
  }

  @SubscribeMessage('set')
  set(@Session() session: Session, @MessageBody() [key, value]: [string, unknown]) {
    session.set(key, value);
    return answer('set');
  }

  @SubscribeMessage('forget')
  forget(@Session() session: Session) {
    return answer(session.delete('name'));
  }

  /** Answers with the result, or with the message of the error. */
  @UseFilters(TellingFilter)
  @SubscribeMessage('told')
  told(@Session() session: Session) {
    session.increment('attempts');
    throw new Error('no');
  }

  /** Others do something meanwhile. */
  @SubscribeMessage('meanwhile')
  async meanwhile(@Session() session: Session) {
    session.changed = true;
    await RoomGateway.others();
    return answer('stored');
  }

  /** Others do something before. */
  @SubscribeMessage('afterwards')
  async afterwards(@Session() session: Session) {
    await RoomGateway.others();
    session.increment('afterwards');
    return answer('stored');
  }

  @SubscribeMessage('farewell')
  farewell(@Session() session: Session, @ConnectedSocket() client: Closable) {
    if (client.disconnect) client.disconnect();
    else client.close?.();
    session.farewell = true;
  }

  @UseGuards(WaitingGuard)
  @SubscribeMessage('waiting')
  waiting(@Session() session: Session) {
    session.handled = true;
  }

  /** Does not mind that it was not stored. */
  @SubscribeMessage('careless')
  async careless(@Session() session: Session) {
    session.changed = true;
    await RoomGateway.others();
    await session.save().catch(() => undefined);
    return answer('stored?');
  }

  @SubscribeMessage('throw')
  throw(@Session() session: Session) {
    session.attempted = true;
    throw new Error('no');
  }

  @SubscribeMessage('silent')
  silent(@Session() session: Session) {
    session.increment('silent');
    return EMPTY;
  }

  @SubscribeMessage('stream')
  stream(@Session() session: Session) {
    let n = 0;
    const beats = concat(of(0), fromEvent(RoomGateway.beats, 'beat').pipe(take(3)));
    return beats.pipe(
      map(() => {
        n++;
        if (n > 3) session.streamEnded = true;
        else session.streamed = n;
        RoomGateway.beats.emit('heard');
        return answer(n);
      }),
    );
  }

  @UseGuards(CountingGuard)
  @SubscribeMessage('guarded')
  guarded(@Session() session: Session) {
    session.increment('seenByGuard');
    return answer(session.seenByGuard);
  }

  @UseInterceptors(NotingInterceptor)
  @SubscribeMessage('noted')
  noted(@Session('noted') noted: unknown) {
    return of(answer(noted));
  }

  @SubscribeMessage('destroy')
  async destroy(@Session() session: Session) {
    await session.destroy();
    return answer('bye');
  }

  @SubscribeMessage('new-id')
  async newId(@Session() session: Session) {
    return answer(await outcome(session.regenerate()));
  }

  @SubscribeMessage('write')
  async write(@Session() session: Session) {
    return answer(await outcome((async () => void (session.name = 'Eve'))()));
  }

  @SubscribeMessage('large')
  large(@Session() session: Session) {
    session.large = 'x'.repeat(2000);
    return answer('stored');
  }
}
