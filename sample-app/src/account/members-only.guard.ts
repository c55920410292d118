import {
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { sessionOf } from 'nestjs-session-manager';

@Injectable()
export class MembersOnlyGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    // The handler gets the same session: it is read once a request.
    const session = await sessionOf(context);
    if (session.userId === undefined) throw new UnauthorizedException();
    return true;
  }
}
