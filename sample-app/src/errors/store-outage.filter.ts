import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { SessionConflictError, SessionStoreError } from 'nestjs-session-manager';

import { retryOf } from './retry.js';

const RETRY_AFTER_SECONDS = 5;

/**
 * The sessions cannot be read or stored just now: a page that says so, and does not ask for the
 * session itself. The visitor keeps the cookie, and with it the session once the store is back.
 */
@Catch(SessionStoreError, SessionConflictError)
export class StoreOutageFilter implements ExceptionFilter<
  SessionStoreError | SessionConflictError
> {
  catch(_error: SessionStoreError | SessionConflictError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    const retry = retryOf(http.getRequest<Request>());
    response
      .status(503)
      .set('Retry-After', String(RETRY_AFTER_SECONDS))
      .render('store-outage', { retryAfter: RETRY_AFTER_SECONDS, retry });
  }
}
