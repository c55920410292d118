/** A step of a request. */
export interface TimelineStep {
  /** Milliseconds since the request arrived. */
  readonly at: number;
  /** The name of an event, such as `committed`, or of a store operation, such as `find`. */
  readonly what: string;
  /** Details of the step, safe to log. */
  readonly note?: string;
  /** The duration of a round trip to a server of the store, in milliseconds. Absent for other steps. */
  readonly took?: number;
}

/** An entry of a session that a request stored, without its value. */
export interface StoredEntry {
  /** The entry's key; for a flash message, `flash: ` and its name. */
  readonly name: string;
  /** The difference from what the request had read. */
  readonly change: 'new' | 'changed' | 'removed' | 'unchanged';
  /** The size of its JSON in bytes. */
  readonly bytes: number;
}

/** What one request, or one message of a gateway, did with its session. Contains no session id, no secret and no value of an entry. */
export interface RequestTimeline {
  /** The number of the request, from 1 since the application started, in the order of their ends. */
  readonly number: number;
  /** `request`: of HTTP; `message`: of a gateway; `operation`: of GraphQL, over a WebSocket. */
  readonly kind: 'request' | 'message' | 'operation';
  /** The HTTP method, such as `GET`; `MESSAGE`; the kind of operation, such as `QUERY`. */
  readonly method: string;
  /** The path of the request, without its query; the name of the message; the field of the operation. */
  readonly path: string;
  /** GraphQL's operations in the request: the kind and the field of each, such as `mutation signIn`. */
  readonly operations: readonly string[];
  /** When the request arrived, in milliseconds since 1970. */
  readonly came: number;
  /**
   * The status of the response; `0`: the client closed the connection before it. Absent: a message or an operation,
   * which has none.
   */
  readonly status?: number;
  /** Milliseconds until the response was sent, or the handler of the message had ended. */
  readonly took: number;
  /** The number of round trips to servers of the store. Sessions in memory need none. */
  readonly roundTrips: number;
  /** Identifies the session without giving access to it. Absent: the request used no session. */
  readonly handle?: string;
  /** The steps in chronological order. */
  readonly steps: readonly TimelineStep[];
  /** The entries of the stored session. Absent: the request stored nothing. */
  readonly stored?: readonly StoredEntry[];
  /** The size of the response's body in bytes, if its headers contain it. */
  readonly bytes?: number;
  /** The cookies of the response without their values, and its caching headers. */
  readonly headers: readonly string[];
  /** Problems and unnecessary costs, with their remedies. */
  readonly warnings: readonly string[];
}
