import type { RecordHints } from '../session/storage/store.js';
import type { ServerHealth, ServerWatcher } from './server-health.js';

/**
 * The values that a session store and an adapter with compare-and-set exchange, so that sessions use the
 * whole chain of Cache, Keyv and adapter, and are still atomic:
 *
 * ```
 * cache.get(key)                          → ReadRecord, or ReadFailure during an outage
 * cache.get(keyToRead(key, seconds))      → the same, and its life set to `seconds`; 0: left as it is
 * cache.set(key, WriteRecord, ttl)        → create, update or remove; RecordRefused on a conflict
 * ```
 */
export class WriteRecord {
  constructor(
    /** `null`: remove the record of that version. */
    readonly text: string | null,
    /** Absent: create the record if there is none. */
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

/** A read's error, as a value: cache-manager returns `undefined` if an adapter throws. */
export class ReadFailure {
  constructor(readonly error: unknown) {}
}

/** The key with `renewTo` appended, as `cache.get()` takes only a key. No session's key contains a space. */
export function keyToRead(key: string, renewTo: number): string {
  return `${key} ${renewTo}`;
}

/** The arguments of `keyToRead`; `undefined` for any other key. */
export function readKey(text: string): { key: string; renewTo: number } | undefined {
  const [, key, renewTo] = (text.includes(' ') && /^(.*) (\d+)$/s.exec(text)) || [];
  return key === undefined ? undefined : { key, renewTo: Number(renewTo) };
}

/** A negative reply to a write: the record exists, has changed, or is gone. Not a system error. */
export class RecordRefused extends Error {
  constructor(readonly reason: 'taken' | 'changed' | 'gone') {
    super(`the record is ${reason}`);
  }
}

/** The record is too large for the server; nothing has changed. The message names the remedy. */
export class RecordTooLarge extends Error {}

/** A Keyv store adapter that supports these values, for the key prefixes given to `holdRecords`. */
export interface AtomicAdapter {
  /** From now on, reading a key of this prefix returns a `ReadRecord` and sets its life to `lifeSeconds`. */
  holdRecords(keyPrefix: string, lifeSeconds: number): void;
  /** The health of its servers at this moment. */
  readonly servers: readonly ServerHealth[];
  /** Whether a server that was removed from the list may return with its old records. */
  readonly mayGetServersBack: boolean;
  /** Watches these servers, and those that are found later. */
  watch(watcher: ServerWatcher): void;
  unwatch?(watcher: ServerWatcher): void;
  /** Called by each application that uses it. It closes after as many calls of `disconnect()`. */
  attach?(): void;
  /**
   * Whether `disconnect()` must be delayed until the last request is done. Absent: it closes its connections
   * only when no operation waits.
   */
  readonly hasToBeHeld?: boolean;
  /** Calls `onRemoved` with the keys of records that other processes remove, if it supports that. */
  watchRemovals?(onRemoved: (key: string) => void): () => void;
  /** Examines each server: its version, and whether it can hold records of this size. */
  diagnose(maxBytes: number): Promise<ServerDiagnosis[]>;
}

/** A server's version and its problem. */
export interface ServerDiagnosis {
  readonly server: string;
  /** Such as `1.6.18`. Absent: it could not be reached, which is reported as an outage. */
  readonly version?: string | undefined;
  /** A sentence with its remedy. */
  readonly problem?: string | undefined;
}

export function isAtomicAdapter(adapter: unknown): adapter is AtomicAdapter {
  return typeof adapter === 'object' && adapter !== null && 'holdRecords' in adapter;
}
