import { describe, expect, it } from '@jest/globals';

import { lifetimeWithCookie } from '../../src/session/lifetime.js';
import { SessionWorld } from '../support/session-world.js';

const remember = { timeout: 90_000, absoluteTimeout: 500_000 };

describe('the lifetime of a session whose cookie is given a life', () => {
  const browser = new SessionWorld({ remember }).policy;
  const persistent = new SessionWorld({ remember, persistentCookie: true }).policy;
  const limited = new SessionWorld().policy;

  it.each([
    ['longer than the options', browser, undefined, 60_000, { idle: 60_000, absolute: 500_000 }],
    ['shorter', browser, undefined, 60, { idle: 60 }],
    ['longer than is allowed', browser, undefined, 1e9, { idle: 90_000, absolute: 500_000 }],
    ['longer, and nothing is remembered', limited, undefined, 60_000, {}],
    ['that of the options', browser, undefined, 1200, {}],
  ] as const)('is kept by the browser: %s', (_what, policy, before, seconds, expected) => {
    expect(lifetimeWithCookie(policy, before, seconds)).toEqual({ ...expected, persist: true });
  });

  it('is that of the options again, and their absolute one counts from the sign-in', () => {
    const before = { idle: 60_000, absolute: 500_000, persist: true };
    expect(lifetimeWithCookie(browser, before, false)).toEqual({
      ...{ absolute: 86_400, persist: false },
    });
    expect(lifetimeWithCookie(persistent, { idle: 60, persist: true }, false)).toEqual({
      persist: false,
    });
  });

  it.each([
    ['of the browser', browser, undefined, false],
    ['of the options', persistent, undefined, 1200],
    ['of its own', browser, { idle: 60, persist: true }, 60],
    ['of its own, shortened to what is allowed', browser, { idle: 1e9, persist: true }, 1e8],
  ] as const)('does not change if it is the same: %s', (_what, policy, before, seconds) => {
    expect(lifetimeWithCookie(policy, before, seconds)).toBeUndefined();
  });

  it.each([0, -1, 1.5, NaN])('cannot be %p', (seconds) => {
    expect(() => lifetimeWithCookie(browser, undefined, seconds)).toThrow('whole number');
  });
});
