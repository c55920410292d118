import type { Platform } from '../contenders.js';
import type { CrowdContender } from './crowd.app.js';
import type { Stores } from './stores.js';

/** What a crowd's server is to be. */
export interface CrowdOrder {
  readonly contender: CrowdContender;
  readonly platform: Platform;
  readonly processes: number;
  readonly stores: Stores;
}

/** Sent once, as soon as the server listens. */
export interface ListeningMessage {
  readonly port: number;
}

/** The answer to any message: the CPU time of the process so far, all threads, user and system. */
export interface CpuMessage {
  readonly cpuMicros: number;
}

export type ServerMessage = ListeningMessage | CpuMessage;

/** Of one process of a crowd's server, to any message; `collect` collects the garbage first. */
export interface ProcessFigures {
  readonly cpuMicros: number;
  /** Bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  /** Milliseconds beyond the timer's 10, since it was last asked. */
  readonly loopDelay: { readonly p99: number; readonly max: number };
  /** Why servers of its store were called down so far. */
  readonly outages: readonly string[];
}
