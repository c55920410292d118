import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { sessionOf } from 'nestjs-session-manager';
import { mergeMap, type Observable } from 'rxjs';

/**
 * Stores the session when the handler is done, before its page is rendered: so the page's footer can
 * name the whole cost.
 *
 * An application that has no such footer needs none of this. The package stores the session before
 * the first byte of the response leaves.
 */
@Injectable()
export class SaveSessionInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    return next.handle().pipe(
      mergeMap(async (result) => {
        const session = await sessionOf(context);
        await session.save();
        return result;
      }),
    );
  }
}
