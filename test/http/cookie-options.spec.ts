import { describe, expect, it } from '@jest/globals';

import { checkCookieOptions, type SessionCookieOptions } from '../../src/http/cookie-options.js';
import { SessionOptionsError } from '../../src/session/errors.js';

const DEFAULTS = {
  name: 'SID',
  path: '/',
  sameSite: 'lax',
  secure: true,
  partitioned: false,
  persistent: false,
};

describe('cookie options', () => {
  it('have defaults', () => {
    expect(checkCookieOptions()).toEqual(DEFAULTS);
    expect(checkCookieOptions({})).toEqual(DEFAULTS);
  });

  it('distinguish a secure: true that was given from the default', () => {
    const given = (secure?: boolean | 'auto') => checkCookieOptions({ secure }).isSecureGiven;
    expect([given(true), given(), given('auto'), given(false)]).toEqual([
      true,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('that are undefined count as absent', () => {
    const nothing = { name: undefined, secure: undefined, domain: undefined, httpOnly: undefined };
    expect(checkCookieOptions(nothing as SessionCookieOptions)).toEqual(DEFAULTS);
  });

  it.each<SessionCookieOptions>([
    { name: "!#$%&'*+-.^_`|~09azAZ" },
    { name: '__Host-SID' },
    { name: '__Host-Http-SID' },
    { name: '__Http-SID', domain: 'example.org', path: '/app' },
    { name: '__Secure-SID', domain: 'example.org', path: '/app' },
    { path: '/app/ä'.replace('ä', '%C3%A4') },
    { domain: 'example.org' },
    { domain: '.sub.example-1.org' },
    { domain: 'localhost' },
    { domain: 'example.co.uk' },
    { domain: `${'a'.repeat(63)}.example.org` },
    { name: 'x'.repeat(200) },
    { path: `/${'x'.repeat(1023)}` },
    { sameSite: 'strict' },
    { sameSite: 'none' },
    { secure: 'auto' },
    { secure: false },
    { partitioned: true },
    { priority: 'low' },
    { priority: 'medium' },
    { priority: 'high' },
    { persistent: true },
  ])('%j are accepted', (options) => {
    expect(checkCookieOptions(options)).toEqual({ ...DEFAULTS, ...options });
  });

  it('may contain httpOnly: true', () => {
    expect(() => checkCookieOptions({ httpOnly: true } as SessionCookieOptions)).not.toThrow();
  });

  it.each<[string, unknown]>([
    ['cookie', null],
    ['cookie', 'SID'],
    ['cookie.maxAge', { maxAge: 5 }],
    ['cookie.samesite', { samesite: 'lax' }],
    ['cookie.httpOnly', { httpOnly: false }],
    ['cookie.name', { name: '' }],
    ['cookie.name', { name: 'a b' }],
    ['cookie.name', { name: 'a=b' }],
    ['cookie.name', { name: 'a;b' }],
    ['cookie.name', { name: 'a\r\nSet-Cookie: x' }],
    ['cookie.name', { name: 'größe' }],
    ['cookie.name', { name: 5 }],
    ['cookie.name', { name: null }],
    ['cookie.name', { name: '__Host-SID', domain: 'example.org' }],
    ['cookie.name', { name: '__Host-Http-SID', domain: 'example.org' }],
    ['cookie.name', { name: '__host-http-SID', path: '/app' }],
    ['cookie.name', { name: '__Host-Http-SID', secure: 'auto' }],
    ['cookie.name', { name: '__Http-SID', secure: false }],
    ['cookie.name', { name: '__http-SID', secure: 'auto' }],
    ['cookie.name', { name: '__Host-SID', path: '/app' }],
    ['cookie.name', { name: '__Host-SID', secure: false }],
    ['cookie.name', { name: '__Host-SID', secure: 'auto' }],
    ['cookie.name', { name: '__Secure-SID', secure: false }],
    ['cookie.name', { name: '__Secure-SID', secure: 'auto' }],
    // Browsers read the prefixes whatever their case (RFC 6265bis, 5.7).
    ['cookie.name', { name: '__host-SID', domain: 'example.org' }],
    ['cookie.name', { name: '__SECURE-SID', secure: false }],
    ['cookie.path', { path: '' }],
    ['cookie.path', { path: 'app' }],
    ['cookie.path', { path: '/a;b' }],
    ['cookie.path', { path: '/a\nb' }],
    ['cookie.path', { path: '/ä' }],
    ['cookie.path', { path: 5 }],
    ['cookie.domain', { domain: '' }],
    ['cookie.domain', { domain: 'https://example.org' }],
    ['cookie.domain', { domain: 'example.org:80' }],
    ['cookie.domain', { domain: 'example.org; Path=/' }],
    ['cookie.domain', { domain: 'example..org' }],
    ['cookie.domain', { domain: 'example.org\n' }],
    ['cookie.domain', { domain: null }],
    ['cookie.domain', { domain: 'com' }],
    ['cookie.domain', { domain: '.com' }],
    ['cookie.domain', { domain: 'intranet' }],
    ['cookie.domain', { domain: 'co.uk' }],
    ['cookie.domain', { domain: '.CO.UK' }],
    ['cookie.domain', { domain: 'com.au' }],
    ['cookie.domain', { domain: 'github.io' }],
    ['cookie.domain', { domain: '127.0.0.1' }],
    ['cookie.domain', { domain: `${'a'.repeat(64)}.example.org` }],
    ['cookie.domain', { domain: `${'a.'.repeat(130)}example.org` }],
    ['cookie.name', { name: 'x'.repeat(201) }],
    ['cookie.name', { name: 'x'.repeat(5000) }],
    ['cookie.path', { path: `/${'x'.repeat(1024)}` }],
    ['cookie.sameSite', { sameSite: 'Lax' }],
    ['cookie.sameSite', { sameSite: true }],
    ['cookie.sameSite', { sameSite: 'none', secure: false }],
    ['cookie.sameSite', { sameSite: 'none', secure: 'auto' }],
    ['cookie.secure', { secure: 'yes' }],
    ['cookie.secure', { secure: null }],
    ['cookie.secure', { secure: 0 }],
    ['cookie.partitioned', { partitioned: 'yes' }],
    ['cookie.partitioned', { partitioned: true, secure: false }],
    ['cookie.priority', { priority: 'High' }],
    ['cookie.priority', { priority: null }],
    ['cookie.persistent', { persistent: 1200 }],
    ['cookie.persistent', { persistent: null }],
  ])('name %s if the options are %j', (option, options) => {
    const check = (): unknown => checkCookieOptions(options as SessionCookieOptions);
    expect(check).toThrow(SessionOptionsError);
    expect(check).toThrow(expect.objectContaining({ option, code: 'SESSION_OPTIONS' }));
    expect(check).toThrow(`${option}: `);
  });

  it.each<[string, RegExp]>([
    ['maxAge', /give timeout, in seconds, and persistent: true/],
    ['expires', /give timeout, in seconds, and persistent: true/],
    ['signed', /not needed here, because with the option secrets/],
    ['secret', /did you mean the option secrets/],
    ['samesite', /did you mean sameSite\?/],
    ['same_site', /did you mean sameSite\?/],
    ['secured', /did you mean secure\?/],
    ['domian', /did you mean domain\?/],
    ['partioned', /did you mean partitioned\?/],
    ['HttpOnly', /did you mean httpOnly\?/],
    ['flavour', /the options are name, path, /],
  ])('that are unknown are refused with a hint: %s', (name, remedy) => {
    expect(() => checkCookieOptions({ [name]: 'x' })).toThrow(remedy);
  });
});
