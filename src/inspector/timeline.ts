/** A step of a request, in the order in which it happened. */
export interface TimelineStep {
  /** Milliseconds since the request came. */
  readonly at: number;
  /** Such as `find` or `committed`; of an event or of an operation on a server of the store. */
  readonly what: string;
  /** What the step says besides, fit for a log. */
  readonly note?: string;
  /** Milliseconds; present: it was a round trip to a server of the store. */
  readonly took?: number;
}

/** An entry of the session that a request stored. No value is kept. */
export interface StoredEntry {
  /** Its key; of a flash message `flash: ` and its name. */
  readonly name: string;
  /** Compared with what the request had read. */
  readonly change: 'new' | 'changed' | 'removed' | 'unchanged';
  /** Bytes of its JSON text. */
  readonly bytes: number;
}

/** What one request did with its session. Holds no session id, no secret and no value of an entry. */
export interface RequestTimeline {
  /** Counts from 1 since the application started. */
  readonly number: number;
  /** Such as `GET`. */
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly came: number;
  /** Of the response. `0`: its client hung up before. */
  readonly status: number;
  /** Milliseconds until the response was sent. */
  readonly took: number;
  /** To servers of the store; sessions in memory take none. */
  readonly roundTrips: number;
  /** Names the session and opens nothing; absent: the request did not ask for it, or has none. */
  readonly handle?: string;
  /** In the order of time. */
  readonly steps: readonly TimelineStep[];
  /** Absent: the request stored nothing. */
  readonly stored?: readonly StoredEntry[];
  /** Bytes of the response's body, as far as its head tells. */
  readonly bytes?: number;
  /** Each cookie of the response, without its value, and the headers that concern caches. */
  readonly headers: readonly string[];
  /** What is wrong, or costs more than it has to, and what to do. */
  readonly warnings: readonly string[];
}
