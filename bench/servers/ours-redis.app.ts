import type { INestApplication } from '@nestjs/common';
import { redisStore } from 'nestjs-session-manager/redis';

import { createOurApp } from './ours.app.js';

/** The same application, with its sessions in Redis. */
export function createRedisApp(url: string): Promise<INestApplication> {
  return createOurApp('express', { stores: redisStore(url) });
}
