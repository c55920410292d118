import type { Memcached } from '../support/memcached.js';
import type { RecordingProxy } from '../support/recording-proxy.js';
import type { Contender, FaultsApp } from './faults-app.js';
import type { Crowd } from './crowd.js';

/** What a fault can be made of. */
export interface FaultyWorld {
  /** Another one after it was restarted. */
  memcached: Memcached;
  readonly proxy: RecordingProxy;
  readonly sides: readonly Side[];
}

/** One of those who go through the same fault: an application and its visitors. */
export interface Side {
  readonly contender: Contender;
  readonly app: FaultsApp;
  readonly crowd: Crowd;
}

/** Something that goes wrong, and is over again; and what has to be seen of it then. */
export interface Fault {
  /** As it stands in the table of docs/reliability.md. */
  readonly name: string;
  /** Begins it. */
  begin(world: FaultyWorld): Promise<void>;
  end(world: FaultyWorld): Promise<void>;
  /** memcached's command-line arguments. */
  readonly memcached?: readonly string[];
  /** Whether the applications reach memcached through the fault-making proxy. */
  readonly isProxied?: boolean;
  /** What cannot be served meanwhile; default: nothing that uses a session. */
  readonly refuses?: 'all' | 'writes' | 'nothing';
  /** What is gone for good; default: nothing, as memcached keeps its memory. */
  readonly loses?: 'all' | 'some';
  /** The application itself is not there. */
  readonly isDown?: boolean;
  /** It comes and goes while it lasts. */
  readonly isFitful?: boolean;
  /** Operations that a request may have to wait for, each for its time-out; default 1. */
  readonly operations?: number;
  /** Milliseconds that the handlers take; default 0. */
  readonly handler?: number;
}
