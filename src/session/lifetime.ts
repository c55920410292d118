import type { SessionPolicy } from './policy.js';
import { SessionOptionsError, SessionValueError } from './errors.js';
import { printable } from './printable.js';

/** A lifetime of one session, where it is not that of the options. */
export interface SessionLifetime {
  /** Idle timeout in seconds. */
  readonly idle?: number | undefined;
  /** Absolute timeout in seconds, from the last sign-in on. `false`: none. */
  readonly absolute?: number | false | undefined;
  /** Whether its cookie outlives the browser. */
  readonly persist?: boolean | undefined;
}

/** What the life of a session depends on. */
export interface LivingSession {
  readonly createdAt: number;
  readonly signedInAt?: number | undefined;
  readonly lifetime?: SessionLifetime | undefined;
}

/** The most that the options allow, of lifetimes of their own. */
function longestIdle({ timeout, remember }: SessionPolicy): number {
  return remember ? Math.max(timeout, remember.timeout) : timeout;
}

/** A session may live so many seconds unused, whatever it is. */
export function longestLife(policy: SessionPolicy): number {
  return longestIdle(policy);
}

/** Seconds that a session may be unused: its own, as far as the options allow it by now. */
export function idleTimeout(policy: SessionPolicy, lifetime: SessionLifetime | undefined): number {
  if (lifetime?.idle === undefined) return policy.timeout;
  return Math.min(lifetime.idle, longestIdle(policy));
}

/** When the session ends however much it is used, in milliseconds since 1970. */
export function absoluteDeadline(policy: SessionPolicy, session: LivingSession): number {
  const { createdAt, signedInAt = createdAt, lifetime } = session;
  const { absoluteTimeout, remember } = policy;
  if (lifetime?.absolute === undefined) return deadlineAfter(createdAt, absoluteTimeout);
  const allowed = remember ? longer(absoluteTimeout, remember.absoluteTimeout) : absoluteTimeout;
  return deadlineAfter(signedInAt, shorter(lifetime.absolute, allowed));
}

/** Seconds that a record written now may stay: the idle timeout, cut at the absolute deadline. */
export function lifeSeconds(policy: SessionPolicy, session: LivingSession): number {
  const left = Math.ceil((absoluteDeadline(policy, session) - policy.now()) / 1000);
  return Math.max(1, Math.min(idleTimeout(policy, session.lifetime), left));
}

/** When a session ends that is not used again. `secondsLeft`: of its idle time; left out, it was used now. */
export function expiryOf(
  policy: SessionPolicy,
  session: LivingSession,
  secondsLeft = idleTimeout(policy, session.lifetime),
): number {
  return Math.min(policy.now() + secondsLeft * 1000, absoluteDeadline(policy, session));
}

/** Seconds for which its cookie is kept; `false`: until the browser is closed. */
export function cookieLife(
  policy: SessionPolicy,
  lifetime: SessionLifetime | undefined,
): number | false {
  return (lifetime?.persist ?? policy.persistentCookie) && idleTimeout(policy, lifetime);
}

/**
 * The lifetime of a session that may be unused for so many seconds, at most what `remember` allows. One that
 * is longer than the options' has the absolute timeout of `remember`.
 *
 * @throws SessionValueError unless it is a number of seconds
 */
export function lifetimeOf(policy: SessionPolicy, seconds: unknown): SessionLifetime {
  const { timeout, absoluteTimeout, remember } = policy;
  if (!Number.isInteger(seconds) || (seconds as number) < 1) {
    throw new SessionValueError(
      'lifetime',
      `give a whole number of seconds, 1 or more, not ${printable(seconds)}`,
    );
  }
  const idle = Math.min(seconds as number, longestIdle(policy));
  if (!remember || idle <= timeout) return { idle };
  return { idle, absolute: longer(absoluteTimeout, remember.absoluteTimeout) };
}

/**
 * What a sign-in makes of the lifetime that the session had. `remember`: seconds, or `true` for as long as
 * the options allow; otherwise it has none of its own.
 *
 * @throws SessionOptionsError if sessions must not be remembered
 */
export function lifetimeAfterSignIn(
  policy: SessionPolicy,
  before: SessionLifetime | undefined,
  remember: number | boolean | undefined,
): SessionLifetime | undefined {
  if (remember === undefined || remember === false) {
    // It may have begun so long ago that it would be over at once.
    return before?.absolute === undefined ? undefined : { absolute: policy.absoluteTimeout };
  }
  if (!policy.remember) {
    throw new SessionOptionsError('remember', 'it is false, so no session can be remembered');
  }
  const seconds = remember === true ? policy.remember.timeout : remember;
  return { ...lifetimeOf(policy, seconds), persist: true };
}

/**
 * The lifetime of a session whose cookie is to be kept for so many seconds, or until the browser is closed
 * (`false`): the session may then be unused for as long as the options say. `undefined`: it has it already.
 *
 * @throws SessionValueError unless it is a number of seconds
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
