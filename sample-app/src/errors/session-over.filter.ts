import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { SessionDestroyedError } from 'nestjs-session-manager';

import { retryOf } from './retry.js';

/**
 * Signed in or out in another tab while this request was under way: what it was to store is not stored.
 * A page that only shows something is loaded again; a click gets a message, and can be repeated.
 */
@Catch(SessionDestroyedError)
export class SessionOverFilter implements ExceptionFilter<SessionDestroyedError> {
  catch(_error: SessionDestroyedError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    const retry = retryOf(http.getRequest<Request>());
    if (retry) response.status(409).render('not-stored', { retry });
    else response.redirect(303, '/');
  }
}
