import type { CrowdContender } from '../servers/crowd.app.js';

/** How the tables of crowds call the contenders. */
export const CROWD_TITLES: Record<CrowdContender, string> = {
  bare: 'Nest without sessions',
  mini: 'the least client of its own',
  ours: 'nestjs-session-manager',
  'ours-keyv': 'nestjs-session-manager over Keyv on Postgres',
  'ours-redis': 'nestjs-session-manager on Redis',
  'ours-postgres': 'nestjs-session-manager on Postgres',
  'ours-durable': 'nestjs-session-manager + Postgres as a durable tier',
  'express-session': 'express-session + connect-memcached',
  'express-session-redis': 'express-session + connect-redis',
  'express-session-postgres': 'express-session + connect-pg-simple',
};
