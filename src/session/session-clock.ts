/** What the clock is provided as. */
export const SESSION_CLOCK = Symbol('session clock');

/** Milliseconds since 1970. Replace it in tests to move time. */
export type SessionClock = () => number;
