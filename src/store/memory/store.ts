import type { LoggerService } from '@nestjs/common';
import type { Keyv } from 'keyv';

import { keyvOver } from '../keyv-over.js';
import { MemoryAdapter } from './adapter.js';

interface Settings {
  readonly now: () => number;
  readonly logger: Pick<LoggerService, 'log' | 'warn'>;
  /** A session had to go before its time. */
  readonly onEvict?: () => void;
  /** Default 50,000. */
  readonly maxSessions?: number;
}

/** How often, in milliseconds, evictions are told of at most. */
const EVICTION_NOTICE_INTERVAL = 60_000;

/** The memory of the process as a store, which says so. */
export function memoryStore({ now, logger, onEvict: tellEvicted, maxSessions }: Settings): Keyv {
  const text =
    'Sessions are kept in the memory of this process: they end with it, and other processes do not ' +
    'see them. To change that, give SessionModule.forRoot() memcached, stores or cache.';
  if (process.env.NODE_ENV === 'production') logger.warn(text);
  else logger.log(text);

  let evicted = 0;
  let toldAt = -Infinity;
  const onEvict = () => {
    evicted++;
    tellEvicted?.();
    if (now() - toldAt < EVICTION_NOTICE_INTERVAL) return;
    toldAt = now();
    logger.warn(
      `The memory for sessions is full: ${evicted} so far were dropped early, the least recently used ` +
        'first.',
    );
  };
  return keyvOver(new MemoryAdapter({ now, onEvict, ...(maxSessions && { maxSessions }) }));
}
