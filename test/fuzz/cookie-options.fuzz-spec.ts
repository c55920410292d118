import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { SessionOptionsError, type SessionCookieOptions } from '../../src/index.js';
import { checkCookieOptions } from '../../src/http/cookie-options.js';
import { SessionCookie } from '../../src/http/cookie.js';
import { newSessionId } from '../../src/session/session-id.js';
import { FUZZ_TIMEOUT, fuzzRuns } from './fuzz-runs.js';

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.stringMatching(/^[A-Za-z._-]{1,12}$/),
  fc.stringMatching(/^\/[a-z/]{0,8}$/),
  fc.constantFrom(
    '__Host-SID',
    '__Secure-SID',
    '__host-x',
    'a; Path=/',
    'a\r\nX: 1',
    'example.org',
  ),
);
const anything = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(undefined),
  fc.integer(),
  fc.constant(null),
);
const options = fc.record(
  {
    name: fc.oneof({ weight: 4, arbitrary: text }, anything),
    path: fc.oneof({ weight: 4, arbitrary: text }, anything),
    domain: fc.oneof({ weight: 4, arbitrary: text }, anything),
    sameSite: fc.oneof(fc.constantFrom('lax', 'strict', 'none'), anything),
    secure: fc.oneof(fc.constantFrom(true, false, 'auto'), anything),
    partitioned: fc.oneof(fc.boolean(), anything),
    priority: fc.oneof(fc.constantFrom('low', 'medium', 'high'), anything),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<SessionCookieOptions>;

describe('any cookie options', () => {
  it(
    'are refused, or give one cookie with exactly these attributes, which browsers accept',
    () => {
      let taken = 0;
      fc.assert(
        fc.property(options, fc.boolean(), (given, isHttps) => {
          const checked = checkedOrRefused(given);
          if (!checked) return;
          taken++;
          const id = newSessionId();
          const line = new SessionCookie(checked, 1200).give({ id, secret: 0 }, isHttps);
          expect(line).toMatch(/^[\x20-\x7e]*$/);
          const [pair, ...attributes] = line.split('; ');
          expect(pair).toBe(`${checked.name}=${id}`);
          const isSecure = checked.secure === 'auto' ? isHttps : checked.secure;
          const { domain, path, sameSite, partitioned, priority } = checked;
          const expected = [
            ...(domain === undefined ? [] : [`Domain=${domain}`]),
            ...[`Path=${path}`, 'HttpOnly', `SameSite=${capital(sameSite)}`],
            ...(isSecure ? ['Secure'] : []),
            ...(partitioned ? ['Partitioned'] : []),
            ...(priority === undefined ? [] : [`Priority=${capital(priority)}`]),
          ];
          expect(attributes.sort()).toEqual(expected.sort());
          expect(browsersTake(pair!, attributes)).toBe(true);
        }),
        fuzzRuns(),
      );
      expect(taken).toBeGreaterThan(0);
    },
    FUZZ_TIMEOUT,
  );
});

function checkedOrRefused(given: SessionCookieOptions) {
  try {
    return checkCookieOptions(given);
  } catch (error) {
    expect(error).toBeInstanceOf(SessionOptionsError);
    return undefined;
  }
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** The rules of RFC 6265bis, 5.6 and 5.7, over https. */
function browsersTake(pair: string, attributes: string[]): boolean {
  const isSecure = attributes.includes('Secure');
  const name = pair.toLowerCase();
  if (name.startsWith('__secure-') && !isSecure) return false;
  if (name.startsWith('__host-')) {
    const isHostOnly = !attributes.some((attribute) => attribute.startsWith('Domain='));
    if (!isSecure || !isHostOnly || !attributes.includes('Path=/')) return false;
  }
  if (attributes.includes('Partitioned') && !isSecure) return false;
  return isSecure || !attributes.includes('SameSite=None');
}
