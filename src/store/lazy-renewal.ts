/** Renewal is a write in these stores, so it waits until this share of the idle timeout has passed. */
const RENEW_AFTER = 0.1;

/** A deadline that is later than a renewal's by more than this was set by another clock. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * How long to store a record, in milliseconds: its life, and the time that its renewal waits, so that it
 * never ends early. A record with a shorter life is renewed at its first use instead.
 */
export function lazyLife(lifeSeconds: number, timeout: number): number {
  const waits = lifeSeconds > timeout * (1 - RENEW_AFTER) ? timeout * RENEW_AFTER : 0;
  return Math.ceil((lifeSeconds + waits) * 1000);
}

/** Whether to renew a record that has `left` milliseconds to `renewTo` seconds. 0: never. */
export function isRenewalDue(left: number, renewTo: number): boolean {
  const life = renewTo * 1000;
  return renewTo > 0 && (left < life || left > life * (1 + RENEW_AFTER) + CLOCK_TOLERANCE_MS);
}
