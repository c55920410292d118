import {
  Catch,
  UnauthorizedException,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { Response } from 'express';

/** Shows strangers the way in. */
@Catch(UnauthorizedException)
export class SignInFirstFilter implements ExceptionFilter<UnauthorizedException> {
  catch(_error: UnauthorizedException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().redirect(303, '/sign-in');
  }
}
