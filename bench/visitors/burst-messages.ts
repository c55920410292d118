/** Who the clients of a burst are, and whom they ask. */
export interface GatherTask {
  readonly task: 'gather';
  readonly port: number;
  readonly clients: number;
  /** Whether the server keeps sessions: each client then has one, and checks that it is his. */
  readonly keepsSessions: boolean;
}

/** So many of them ask at the same moment, and again as they are answered. */
export interface BurstTask {
  readonly task: 'burst';
  readonly clients: number;
  readonly milliseconds: number;
}

export type CrowdTask = GatherTask | BurstTask;

/** What the clients saw. */
export interface BurstSeen {
  readonly clients: number;
  /** Until the last of them was answered. */
  readonly seconds: number;
  /** Answers with a 200. */
  readonly served: number;
  /** Answers with a 503. */
  readonly unavailable: number;
  /** How often each other status came. */
  readonly others: Readonly<Record<string, number>>;
  /** Connections that ended, or were given up, instead of an answer. */
  readonly connectionErrors: number;
  /** Of those served: with the session of another visitor, or without its own writes. */
  readonly wrong: number;
  /** The first bodies that were not to come. */
  readonly strange: readonly string[];
  /** Served within each second. */
  readonly bySecond: readonly number[];
  /** Milliseconds, of those served. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Microseconds of CPU time that the clients took for an answer. */
  readonly clientMicros: number;
  /** From the last answer until a single request is answered in normal time; milliseconds. */
  readonly recovery: number | null;
}

/** The answer to a `GatherTask` has no `seen`. */
export interface CrowdReport {
  readonly seen?: BurstSeen;
  readonly error?: string;
}
