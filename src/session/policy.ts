import type { SessionTelemetry } from './telemetry.js';

/** What becomes of a sign-in beyond `maxSessionsPerUser`. */
export type WhenTooMany = 'refuse' | 'end-oldest';

/** How long a session may be remembered, in seconds. */
export interface RememberPolicy {
  /** Without being used. */
  readonly timeout: number;
  /** From the last sign-in on, however much it is used. */
  readonly absoluteTimeout: number | false;
}

/** What the options say about the life of a session, and the world it is told by. */
export interface SessionPolicy {
  /** Idle timeout in seconds. */
  readonly timeout: number;
  /** The most a session lives, in seconds. */
  readonly absoluteTimeout: number | false;
  /** The most that a lifetime of its own may be, in seconds. `false` or absent: no session has one. */
  readonly remember?: RememberPolicy | false;
  /** Largest record in bytes, as stored. */
  readonly maxBytes: number;
  readonly keyPrefix: string;
  /** The newest first; none: records are not encrypted. */
  readonly secrets: readonly string[];
  /** Seconds after which a session gets a new id by itself. */
  readonly rotateEvery: number | false;
  /** Seconds for which the old id is still good then. */
  readonly rotateGrace: number;
  /** Whether the cookie carries a Max-Age and so has to be sent again before it runs out. */
  readonly persistentCookie: boolean;
  /** How many sessions a user may have. */
  readonly maxSessionsPerUser: number | false;
  /** What becomes of one more. */
  readonly whenTooMany: WhenTooMany;
  /** Whether what is `undefined` in an object is an error, rather than left out. */
  readonly strictValues?: boolean;
  /** Seconds within which a process learns that all sessions have ended. `false`: it does not look. */
  readonly revokeEverybodyWithin: number | false;
  /** Milliseconds since 1970; passed in so that time can be moved. */
  readonly now: () => number;
  /** Tells the people who run the application. */
  readonly warn: (message: string) => void;
  /** Counts what happens, and tells programs. */
  readonly telemetry: SessionTelemetry;
}
