import type { RecordHints } from '../session/storage/store.js';
import type { ServerHealth, ServerWatcher } from './server-health.js';

/**
 * What travels inside a cached value between a session store and an adapter that can compare and
 * set, so that the whole chain of Cache, Keyv and adapter stays in use and is still atomic:
 *
 * ```
 * cache.get(key)                          → ReadRecord, or ReadFailure during an outage
 * cache.get(keyToRead(key, seconds))      → the same, renewed to so many seconds; 0: not renewed
 * cache.set(key, WriteRecord, ttl)        → create, update or remove; RecordRefused if it may not be
 * ```
 */
export class WriteRecord {
  constructor(
    /** `null`: remove the record of that version. */
    readonly text: string | null,
    /** Absent: create, if there is none. */
    readonly version?: string,
    readonly hints?: RecordHints,
  ) {}
}

export class ReadRecord {
  constructor(
    readonly text: string,
    readonly version: string,
    /** Seconds that are left of its life, of one that was not renewed. */
    readonly lifeLeft?: number,
  ) {}
}

/** cache-manager answers `undefined` to what an adapter throws; so what went wrong is a value. */
export class ReadFailure {
  constructor(readonly error: unknown) {}
}

/** Whoever reads can hand on a key and nothing else; no session's key has a blank in it. */
export function keyToRead(key: string, renewTo: number): string {
  return `${key} ${renewTo}`;
}

/** What `keyToRead` was given; `undefined` for any other key. */
export function readKey(asked: string): { key: string; renewTo: number } | undefined {
  const [, key, renewTo] = (asked.includes(' ') && /^(.*) (\d+)$/s.exec(asked)) || [];
  return key === undefined ? undefined : { key, renewTo: Number(renewTo) };
}

/** A write that the state of the record forbids; not a system error. */
export class RecordRefused extends Error {
  constructor(readonly reason: 'taken' | 'changed' | 'gone') {
    super(`the record is ${reason}`);
  }
}

/** The server takes no record of this size; nothing has changed. The message names the remedy. */
export class RecordTooLarge extends Error {}

/** A Keyv store adapter that understands the above for keys it was told of. */
export interface AtomicAdapter {
  /** Reading a key of this prefix yields a `ReadRecord` and renews its life to so many seconds. */
  holdRecords(keyPrefix: string, lifeSeconds: number): void;
  /** How the servers do that it asks, as they are now; none if there are none. */
  readonly servers: readonly ServerHealth[];
  /** Whether a server that was taken off the list may be on it again with what it had then. */
  readonly mayGetServersBack: boolean;
  /** Learns of these servers, and of those that are found later. */
  watch(watcher: ServerWatcher): void;
  /** Learns of them no more. */
  unwatch?(watcher: ServerWatcher): void;
  /** Told by each application that begins to use it. It is disconnected when each of them asked for that. */
  attach?(): void;
  /**
   * Whether it is to be kept connected until the last request. Absent: it closes its connections when
   * nothing waits for them.
   */
  readonly hasToBeHeld?: boolean;
  /** Calls `onRemoved` with the keys of records that other processes remove, where it can tell. */
  watchRemovals?(onRemoved: (key: string) => void): () => void;
  /** Looks at each server: what it is, and why it may be none for records of this size. */
  diagnose(maxBytes: number): Promise<ServerDiagnosis[]>;
}

/** What a server is, and what is wrong with it. */
export interface ServerDiagnosis {
  readonly server: string;
  /** Such as `1.6.18`. Absent: it could not be reached, which is told as an outage. */
  readonly version?: string | undefined;
  /** A sentence with its remedy. */
  readonly problem?: string | undefined;
}

export function isAtomicAdapter(adapter: unknown): adapter is AtomicAdapter {
  return typeof adapter === 'object' && adapter !== null && 'holdRecords' in adapter;
}
