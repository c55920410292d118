import type { LoggerService } from '@nestjs/common';
import type { Keyv } from 'keyv';

import { keyvOver } from '../keyv-over.js';
import { MemoryAdapter } from './adapter.js';

interface Settings {
  readonly now: () => number;
  readonly logger: Pick<LoggerService, 'log' | 'warn'>;
  /** Called when a session is evicted because the memory is full. */
  readonly onEvict?: () => void;
  /** Default 50,000. */
  readonly maxSessions?: number;
}

/** The shortest time between two warnings about evictions, in milliseconds. */
const EVICTION_NOTICE_INTERVAL = 60_000;

/** The memory of the process as a store. Logs that it is used. */
export function memoryStore({ now, logger, onEvict: countEviction, maxSessions }: Settings): Keyv {
  const text =
    'Sessions are kept in the memory of this process: they end with it, and other processes do not ' +
    'see them. To change that, give SessionModule.forRoot() memcached, stores or cache.';
  if (process.env.NODE_ENV === 'production') logger.warn(text);
  else logger.log(text);

  let evicted = 0;
  let warnedAt = -Infinity;
  const onEvict = () => {
    evicted++;
    countEviction?.();
    if (now() - warnedAt < EVICTION_NOTICE_INTERVAL) return;
    warnedAt = now();
    logger.warn(
      `The memory for sessions is full: ${evicted} so far were dropped early, the least recently used ` +
        'first.',
    );
  };
  return keyvOver(new MemoryAdapter({ now, onEvict, ...(maxSessions && { maxSessions }) }));
}
