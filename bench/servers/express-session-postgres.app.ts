import type { INestApplication } from '@nestjs/common';
import connectPgSimple from 'connect-pg-simple';
import session from 'express-session';

import { createAppWith } from './express-session.app.js';

/** As its documentation has it; the pool is that of `pg`, with its defaults. */
export function createAppWithPostgres(conString: string): Promise<INestApplication> {
  const PostgresStore = connectPgSimple(session);
  return createAppWith(new PostgresStore({ conString, createTableIfMissing: true }));
}
