import type { SessionPolicy } from './policy.js';
import { SessionOptionsError, SessionValueError } from './errors.js';
import { printable } from './printable.js';

/** The lifetime of one session, where it differs from the options. */
export interface SessionLifetime {
  /** Idle timeout in seconds. */
  readonly idle?: number | undefined;
  /** Absolute timeout in seconds, since the last sign-in. `false`: no absolute timeout. */
  readonly absolute?: number | false | undefined;
  /** Whether the browser keeps the cookie after it is closed. */
  readonly persist?: boolean | undefined;
}

/** The properties of a session that determine its life. */
export interface LivingSession {
  readonly createdAt: number;
  readonly signedInAt?: number | undefined;
  readonly lifetime?: SessionLifetime | undefined;
}

/** The longest idle timeout that the options allow, in seconds. */
function longestIdle({ timeout, remember }: SessionPolicy): number {
  return remember ? Math.max(timeout, remember.timeout) : timeout;
}

/** The longest time in seconds that any session may be unused. */
export function longestLife(policy: SessionPolicy): number {
  return longestIdle(policy);
}

/** The idle timeout of a session in seconds: its own one, limited by the current options. */
export function idleTimeout(policy: SessionPolicy, lifetime: SessionLifetime | undefined): number {
  if (lifetime?.idle === undefined) return policy.timeout;
  return Math.min(lifetime.idle, longestIdle(policy));
}

/** When the session ends even if it is used, in milliseconds since 1970. */
export function absoluteDeadline(policy: SessionPolicy, session: LivingSession): number {
  const { createdAt, signedInAt = createdAt, lifetime } = session;
  const { absoluteTimeout, remember } = policy;
  if (lifetime?.absolute === undefined) return deadlineAfter(createdAt, absoluteTimeout);
  const allowed = remember ? longer(absoluteTimeout, remember.absoluteTimeout) : absoluteTimeout;
  // A session that was carried over has a sign-in of unknown time, long before it.
  const since = Math.max(signedInAt, createdAt);
  return deadlineAfter(since, shorter(lifetime.absolute, allowed));
}

/** The life in seconds of a record that is written now: the idle timeout, limited by the absolute deadline. */
export function lifeSeconds(policy: SessionPolicy, session: LivingSession): number {
  const left = Math.ceil((absoluteDeadline(policy, session) - policy.now()) / 1000);
  return Math.max(1, Math.min(idleTimeout(policy, session.lifetime), left));
}

/** When an unused session ends. `secondsLeft`: the rest of its idle timeout; default: all of it. */
export function expiryOf(
  policy: SessionPolicy,
  session: LivingSession,
  secondsLeft = idleTimeout(policy, session.lifetime),
): number {
  return Math.min(policy.now() + secondsLeft * 1000, absoluteDeadline(policy, session));
}

/** How long the browser keeps the cookie, in seconds; `false`: until the browser is closed. */
export function cookieLife(
  policy: SessionPolicy,
  lifetime: SessionLifetime | undefined,
): number | false {
  return (lifetime?.persist ?? policy.persistentCookie) && idleTimeout(policy, lifetime);
}

/**
 * The lifetime of a session with this idle timeout, limited by `remember`. If it exceeds the option `timeout`,
 * the absolute timeout is the longer one of `remember` and of the options. `argument`: what an error names.
 *
 * @throws SessionValueError unless `seconds` is a whole number, 1 or more
 */
export function lifetimeOf(
  policy: SessionPolicy,
  seconds: unknown,
  argument = 'lifetime',
): SessionLifetime {
  const { timeout, absoluteTimeout, remember } = policy;
  if (!Number.isInteger(seconds) || (seconds as number) < 1) {
    throw new SessionValueError(
      argument,
      `give a whole number of seconds, 1 or more, not ${printable(seconds)}`,
    );
  }
  const idle = Math.min(seconds as number, longestIdle(policy));
  if (!remember || idle <= timeout) return { idle };
  return { idle, absolute: longer(absoluteTimeout, remember.absoluteTimeout) };
}

/**
 * The lifetime of a session after a sign-in. `remember`: the idle timeout in seconds, or `true` for the
 * longest one that the options allow. Without it, the session has the lifetime of the options.
 *
 * @throws SessionOptionsError if the option `remember` is `false`
 */
export function lifetimeAfterSignIn(
  policy: SessionPolicy,
  before: SessionLifetime | undefined,
  remember: number | boolean | undefined,
): SessionLifetime | undefined {
  if (remember === undefined || remember === false) {
    // The session may have begun so long ago that the deadline of the options is already over.
    return before?.absolute === undefined ? undefined : { absolute: policy.absoluteTimeout };
  }
  if (!policy.remember) {
    throw new SessionOptionsError('remember', 'it is false, so no session can be remembered');
  }
  const seconds = remember === true ? policy.remember.timeout : remember;
  return { ...lifetimeOf(policy, seconds, 'remember'), persist: true };
}

/**
 * The lifetime of a session whose cookie the browser keeps for `seconds`, or until it is closed (`false`): the
 * idle timeout is then that of the options. `undefined`: the lifetime does not change.
 *
 * @throws SessionValueError unless `seconds` is a whole number, 1 or more, or `false`
 */
export function lifetimeWithCookie(
  policy: SessionPolicy,
  before: SessionLifetime | undefined,
  seconds: number | false,
): SessionLifetime | undefined {
  const persist = seconds !== false;
  const idle = Math.min(seconds === false ? policy.timeout : seconds, longestIdle(policy));
  const isPersistent = cookieLife(policy, before) !== false;
  if (idle === idleTimeout(policy, before) && persist === isPersistent) return undefined;
  if (idle !== policy.timeout) return { ...lifetimeOf(policy, idle), persist };
  return { ...lifetimeAfterSignIn(policy, before, false), persist };
}

type Limit = number | false;

function deadlineAfter(since: number, seconds: Limit): number {
  return seconds === false ? Infinity : since + seconds * 1000;
}

function longer(one: Limit, other: Limit): Limit {
  return one === false || other === false ? false : Math.max(one, other);
}

function shorter(one: Limit, other: Limit): Limit {
  if (one === false || other === false) return one === false ? other : one;
  return Math.min(one, other);
}
