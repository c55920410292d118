import { Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

import { countingTo, RequestCost } from './request-cost.js';

const logger = new Logger('Request');

/** Counts each request's round trips, for the footer of its page and for the log. */
export function measureCost(request: Request, response: Response, next: NextFunction): void {
  const cost = new RequestCost();
  response.locals.cost = cost;
  response.once('finish', () => {
    const line = `${request.method} ${request.originalUrl} → ${response.statusCode}`;
    const { reads, writes } = cost;
    // Without memcached nothing is counted, as there are no round trips.
    const isCounted = request.app.locals.usesMemcached === true;
    logger.log(isCounted ? `${line}, memcached: ${reads} read, ${writes} written` : line);
  });
  countingTo(cost, next);
}
