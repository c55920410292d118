import type { SessionTelemetry } from './telemetry.js';

/** What happens at a sign-in beyond `maxSessionsPerUser`. */
export type WhenTooMany = 'refuse' | 'end-oldest';

/** How long a session may be remembered, in seconds. */
export interface RememberPolicy {
  /** The idle timeout. */
  readonly timeout: number;
  /** The absolute timeout, since the last sign-in. */
  readonly absoluteTimeout: number | false;
}

/** The settings that the domain needs, and its clock, log and telemetry. */
export interface SessionPolicy {
  /** Idle timeout in seconds. */
  readonly timeout: number;
  /** The longest life of a session, in seconds. */
  readonly absoluteTimeout: number | false;
  /** The limits of a session's own lifetime. `false` or absent: no session is remembered. */
  readonly remember?: RememberPolicy | false;
  /** Largest record in bytes, as stored. */
  readonly maxBytes: number;
  readonly keyPrefix: string;
  /** The newest first. Empty: records are not encrypted. */
  readonly secrets: readonly string[];
  /** Seconds between scheduled rotations of a session's id. */
  readonly rotateEvery: number | false;
  /** Seconds for which the old id stays valid after a scheduled rotation. */
  readonly rotateGrace: number;
  /** Whether the cookie has a Max-Age, and so must be sent again before it expires. */
  readonly persistentCookie: boolean;
  /** How many sessions a user may have. */
  readonly maxSessionsPerUser: number | false;
  /** What happens at a sign-in beyond that. */
  readonly whenTooMany: WhenTooMany;
  /** Whether `undefined` in an object is an error. Otherwise it is omitted. */
  readonly strictValues?: boolean;
  /** Seconds within which a process learns that all sessions have ended. `false`: it does not check. */
  readonly revokeEverybodyWithin: number | false;
  /** The clock, in milliseconds since 1970. */
  readonly now: () => number;
  /** Logs a warning. */
  readonly warn: (message: string) => void;
  /** Counters and diagnostics events. */
  readonly telemetry: SessionTelemetry;
}
