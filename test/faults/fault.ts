import type { Contender, FaultsApp } from './faults-app.js';
import type { Crowd } from './crowd.js';

/** A store and the applications that keep their sessions in it. */
export interface FaultyWorld {
  readonly sides: readonly Side[];
  /** The commands of this package that reached a proxy since the last time it was asked, if it counts them. */
  takeCommands?(): number;
  /** Stops the store, after the applications were stopped. */
  stopStore(): Promise<unknown>;
}

/** One of those who go through the same fault: an application and its visitors. */
export interface Side {
  readonly contender: Contender;
  readonly app: FaultsApp;
  readonly crowd: Crowd;
}

/** A fault that begins and ends, and the outcomes that it may have. */
export interface Fault<World extends FaultyWorld = FaultyWorld> {
  /** As it stands in the table of docs/reliability.md. */
  readonly name: string;
  /** Begins it. */
  begin(world: World): Promise<void>;
  end(world: World): Promise<void>;
  /** The server's command-line arguments. */
  readonly args?: readonly string[];
  /** Whether the applications reach the server through the fault-making proxy. */
  readonly isProxied?: boolean;
  /** What cannot be served meanwhile; default: nothing that uses a session. */
  readonly refuses?: 'all' | 'some' | 'writes' | 'nothing';
  /** What is permanently lost. Default: nothing, because the server keeps its data. */
  readonly loses?: 'all' | 'some';
  /** The application itself is not there. */
  readonly isDown?: boolean;
  /** It has happened as soon as it has begun. */
  readonly isMomentary?: boolean;
  /** It comes and goes while it lasts. */
  readonly isFitful?: boolean;
  /** Operations that a request may have to wait for, each for its time-out; default 1. */
  readonly operations?: number;
  /** Milliseconds that the handlers take; default 0. */
  readonly handler?: number;
}
