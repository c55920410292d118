import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { SessionDestroyedError } from 'nestjs-session-manager';

/** Signed out in another tab while this request was under way: begin again as a stranger. */
@Catch(SessionDestroyedError)
export class SessionOverFilter implements ExceptionFilter<SessionDestroyedError> {
  catch(_error: SessionDestroyedError, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().redirect(303, '/');
  }
}
