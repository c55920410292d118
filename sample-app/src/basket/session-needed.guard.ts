import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { sessionOf } from 'nestjs-session-manager';
import type { WebSocket } from 'ws';

/** As of pages whose session has ended: HTTP's 401. */
const NO_SESSION = 4401;

/**
 * A message cannot begin a session: it has no response that could set the cookie. Newcomers begin
 * theirs by a form.
 */
@Injectable()
export class SessionNeededGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await sessionOf(context);
    if (!session.isNew) return true;
    context.switchToWs().getClient<WebSocket>().close(NO_SESSION, 'No session');
    return false;
  }
}
