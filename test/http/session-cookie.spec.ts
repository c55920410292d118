import { describe, expect, it } from '@jest/globals';

import {
  checkCookieOptions,
  type SessionCookieOptions,
} from '../../src/http/session-cookie-options.js';
import { SessionCookie } from '../../src/http/session-cookie.js';
import { newSessionId } from '../../src/session/session-id.js';

const id = newSessionId();

function cookie(options?: SessionCookieOptions): SessionCookie {
  return new SessionCookie(checkCookieOptions(options), 1200);
}

describe('a session cookie read', () => {
  it.each([
    ['alone', `SID=${id}`],
    ['among others', `a=1; SID=${id}; b=2`],
    ['in quotes', `SID="${id}"`],
    ['percent-encoded', `SID=%${id.charCodeAt(0).toString(16)}${id.slice(1)}`],
    ['beside a malformed one', `bad=%E0%A4%A; =; ;;; SID=${id}`],
    ['beside longer names that end alike', `XSID=x; SID=${id}; SIDX=y`],
    ['twice: the first one, which the more exact path sets', `SID=${id}; SID=other`],
  ])('%s', (_where, header) => {
    expect(cookie().read(header)).toBe(id);
  });

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['other cookies', 'a=1; b=2'],
    ['a name that only begins alike', `SIDX=${id}`],
    ['a name that only ends alike', `XSID=${id}`],
    ['its name as a value', 'a=SID'],
    ['another case', `sid=${id}`],
  ])('is none in %s', (_where, header) => {
    expect(cookie().read(header)).toBeUndefined();
  });

  it.each(['', '%', '%E0%A4%A', 'j:{"a":1}', 'j:["a"]', 's:abc.def', 'x'.repeat(10_000)])(
    'may be anything, such as %p',
    (value) => {
      expect(() => cookie().read(`SID=${value}`)).not.toThrow();
      expect(cookie().read(`SID=${value}`)).not.toBeUndefined();
    },
  );

  it('goes by its own name', () => {
    const named = cookie({ name: '__Host-app.sid' });
    expect(named.read(`SID=other; __Host-app.sid=${id}`)).toBe(id);
  });
});

describe('a session cookie given', () => {
  it('has safe attributes', () => {
    expect(cookie().give(id, true)).toBe(`SID=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`);
  });

  it.each<[SessionCookieOptions, string]>([
    [{ name: '__Host-SID' }, `__Host-SID=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`],
    [{ path: '/app' }, `SID=${id}; Path=/app; HttpOnly; Secure; SameSite=Lax`],
    [
      { domain: 'example.org' },
      `SID=${id}; Domain=example.org; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ],
    [{ sameSite: 'strict' }, `SID=${id}; Path=/; HttpOnly; Secure; SameSite=Strict`],
    [{ sameSite: 'none' }, `SID=${id}; Path=/; HttpOnly; Secure; SameSite=None`],
    [{ secure: false }, `SID=${id}; Path=/; HttpOnly; SameSite=Lax`],
    [{ partitioned: true }, `SID=${id}; Path=/; HttpOnly; Secure; Partitioned; SameSite=Lax`],
    [{ priority: 'high' }, `SID=${id}; Path=/; HttpOnly; Secure; Priority=High; SameSite=Lax`],
    [{ persistent: true }, `SID=${id}; Max-Age=1200; Path=/; HttpOnly; Secure; SameSite=Lax`],
  ])('by %j', (options, header) => {
    expect(cookie(options).give(id, true)).toBe(header);
  });

  it.each([
    [true, true],
    [false, false],
  ])("with secure: 'auto' over https (%p) is Secure: %p", (isHttps, isSecure) => {
    expect(cookie({ secure: 'auto' }).give(id, isHttps).includes('Secure')).toBe(isSecure);
  });

  it('with secure: true is Secure over http, too', () => {
    expect(cookie({ secure: true }).give(id, false)).toContain('; Secure');
  });

  it.each<[SessionCookieOptions['secure'], boolean]>([
    [true, true],
    ['auto', false],
    [false, false],
  ])('with secure: %p needs https: %p', (secure, needs) => {
    expect(cookie({ secure: secure! }).needsHttps).toBe(needs);
  });
});

describe('a session cookie cleared', () => {
  it('has no value, and has passed', () => {
    expect(cookie().clear(true)).toBe(
      'SID=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax',
    );
  });

  it.each<SessionCookieOptions>([
    {},
    { persistent: true },
    { name: '__Secure-S', path: '/app', domain: 'example.org', sameSite: 'none' },
    { partitioned: true, priority: 'low' },
    { secure: 'auto' },
    { secure: false },
  ])('has the attributes it was given with: %j', (options) => {
    for (const isHttps of [true, false]) {
      const given = attributes(cookie(options).give(id, isHttps));
      const cleared = attributes(cookie(options).clear(isHttps));
      expect(cleared).toEqual(given);
    }
  });
});

/** Those a browser compares. */
function attributes(header: string): string[] {
  return header
    .split('; ')
    .slice(1)
    .filter((attribute) => !/^(Max-Age|Expires)=/.test(attribute))
    .sort();
}
