/** Renewal is a write in these stores: it waits until so much of the idle timeout has passed. */
const RENEW_AFTER = 0.1;

/** Further ahead than a renewal would put it by more than this, a deadline was made by another clock. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * Milliseconds for which to store a record that is to live for so many seconds: longer by as much as its
 * renewals wait, so that it never ends early. One that lives for less is renewed by its first use.
 */
export function lazyLife(lifeSeconds: number, timeout: number): number {
  const waits = lifeSeconds > timeout * (1 - RENEW_AFTER) ? timeout * RENEW_AFTER : 0;
  return Math.ceil((lifeSeconds + waits) * 1000);
}

/** Whether to renew a record to so many seconds, of which so many milliseconds are left; 0: never. */
export function isRenewalDue(left: number, renewTo: number): boolean {
  const life = renewTo * 1000;
  return renewTo > 0 && (left < life || left > life * (1 + RENEW_AFTER) + CLOCK_TOLERANCE_MS);
}
