import type { ServerHealth } from './server-health.js';

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
  ) {}
}

export class ReadRecord {
  constructor(
    readonly text: string,
    readonly version: string,
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

/** A Keyv store adapter that understands the above for keys it was told of. */
export interface AtomicAdapter {
  /** Reading a key of this prefix yields a `ReadRecord` and renews its life to so many seconds. */
  holdRecords(keyPrefix: string, lifeSeconds: number): void;
  /** How the servers do that it asks; none if there are none. */
  readonly servers: readonly ServerHealth[];
  /** Whether a record may be put elsewhere while its server is down. */
  readonly rehashes: boolean;
}

export function isAtomicAdapter(adapter: unknown): adapter is AtomicAdapter {
  return typeof adapter === 'object' && adapter !== null && 'holdRecords' in adapter;
}
