import { describe, expect, it } from '@jest/globals';

import cookieParser from 'cookie-parser';
import type { Request, Response } from 'express';

import { checkCookieOptions, type SessionCookieOptions } from '../../src/http/cookie-options.js';
import { SessionCookie } from '../../src/http/cookie.js';
import { newSessionId } from '../../src/session/session-id.js';

const id = newSessionId();

function cookie(options?: SessionCookieOptions): SessionCookie {
  return new SessionCookie(checkCookieOptions(options), 1200);
}

describe('reading a session cookie', () => {
  it.each([
    ['alone', `SID=${id}`],
    ['among others', `a=1; SID=${id}; b=2`],
    ['in quotes', `SID="${id}"`],
    ['percent-encoded', `SID=%${id.charCodeAt(0).toString(16)}${id.slice(1)}`],
    ['beside a malformed one', `bad=%E0%A4%A; =; ;;; SID=${id}`],
    ['beside longer names that end alike', `XSID=x; SID=${id}; SIDX=y`],
    ['twice, alike', `SID=${id}; SID=${id}`],
  ])('%s', (_where, header) => {
    expect(cookie().read(header).ticket).toEqual({ id, secret: 0 });
  });

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['other cookies', 'a=1; b=2'],
    ['a name that only begins alike', `SIDX=${id}`],
    ['a name that only ends alike', `XSID=${id}`],
    ['its name as a value', 'a=SID'],
    ['another case', `sid=${id}`],
  ])('finds none in %s', (_where, header) => {
    expect(cookie().read(header)).toEqual({
      wasSent: false,
      isAmbiguous: false,
      ticket: undefined,
    });
  });

  it.each(['', '%', '%E0%A4%A', 'j:{"a":1}', 'j:["a"]', 's:abc.def', 'x'.repeat(10_000)])(
    'accepts any header, such as %p',
    (value) => {
      expect(() => cookie().read(`SID=${value}`)).not.toThrow();
      expect(cookie().read(`SID=${value}`)).toEqual({
        wasSent: true,
        isAmbiguous: false,
        ticket: undefined,
      });
    },
  );

  it('compares the whole name', () => {
    const named = cookie({ name: '__Host-app.sid' });
    expect(named.read(`SID=other; __Host-app.sid=${id}`).ticket?.id).toBe(id);
  });
});

describe('two session cookies in one request (ASVS 5.0 A15.3.7)', () => {
  const other = newSessionId();

  it.each([
    ['different ids', `SID=${id}; SID=${other}`],
    ['an id and garbage', `SID=${id}; a=1; SID=x`],
    ['an id and nothing', `SID=; SID=${id}`],
    ['blanks between', `SID = ${id};SID= ${other}`],
  ])('are ambiguous: %s', (_what, header) => {
    expect(cookie().read(header)).toEqual({ wasSent: true, isAmbiguous: true, ticket: undefined });
  });

  it.each([
    ['the same twice', `SID=${id}; SID=${id}`],
    ['longer names', `SIDX=1; SID=${id}; XSID=2`],
    ['the name as a value', `a=SID; SID=${id}; b=SID=SID`],
  ])('are not ambiguous: %s', (_what, header) => {
    expect(cookie().read(header)).toMatchObject({ isAmbiguous: false, ticket: { id } });
  });

  // What `trim()` takes away, other than the blanks of a Cookie header.
  it.each(['\xa0', '\v', '\f', '\u2003', '\ufeff', '\r', '\n'])(
    'are not ambiguous if their names differ by %j',
    (blank) => {
      const own = cookie({ name: '__Host-SID' });
      for (const name of [`${blank}__Host-SID`, `__Host-SID${blank}`]) {
        for (const header of [`${name}=x; __Host-SID=${id}`, `__Host-SID=${id};${name}=x`]) {
          expect(own.read(header)).toMatchObject({ isAmbiguous: false, ticket: { id } });
        }
      }
    },
  );

  it('are ambiguous also with spaces or tabs around', () => {
    const own = cookie({ name: '__Host-SID' });
    for (const name of ['\t__Host-SID', ' __Host-SID\t ']) {
      expect(own.read(`__Host-SID=${id};${name}=x`).isAmbiguous).toBe(true);
    }
  });
});

describe('a signed session cookie', () => {
  const OLD = 'an old secret of thirty-two chars';
  const NEW = 'a new secret of thirty-two chars.';
  const signedBy = (...secrets: string[]): SessionCookie =>
    new SessionCookie(checkCookieOptions(), 1200, secrets);
  const pair = (header: string): string => header.split(';')[0]!;

  it('can be read again', () => {
    const given = pair(signedBy(NEW).give({ id, secret: 0 }, true));
    expect(signedBy(NEW).read(given).ticket).toEqual({ id, secret: 0 });
  });

  it('can be read by cookie-parser with the same secret', () => {
    const given = pair(signedBy(NEW).give({ id, secret: 0 }, true));
    const request = { headers: { cookie: given } } as Request & { signedCookies: object };
    cookieParser(NEW)(request, {} as Response, () => undefined);
    expect(request.signedCookies).toEqual({ SID: id });
  });

  it('is read with the secret that signed it, and written with the same one', () => {
    const given = pair(signedBy(OLD).give({ id, secret: 0 }, true));
    const both = signedBy(NEW, OLD);
    expect(both.read(given).ticket).toEqual({ id, secret: 1 });
    expect(pair(both.give({ id, secret: 1 }, true))).toBe(given);
  });

  it.each([
    ['signed with a secret that was removed', pair(signedBy(OLD).give({ id, secret: 0 }, true))],
    ['not signed', `SID=${id}`],
    ['with an empty signature', `SID=s:${id}.`],
    ['without an id', `SID=s:.${'A'.repeat(43)}`],
    ['too long', `SID=s:${id}.${'A'.repeat(10_000)}`],
    ['an object', 'SID=j:{"id":1}'],
  ])('is refused if it is %s', (_how, header) => {
    expect(signedBy(NEW).read(header)).toEqual({
      wasSent: true,
      isAmbiguous: false,
      ticket: undefined,
    });
  });

  it('is refused if one character is changed', () => {
    const value = pair(signedBy(NEW).give({ id, secret: 0 }, true)).slice('SID='.length);
    const plain = decodeURIComponent(value);
    for (let at = 0; at < plain.length; at++) {
      const changed = plain.slice(0, at) + (plain[at] === 'A' ? 'B' : 'A') + plain.slice(at + 1);
      const header = `SID=${encodeURIComponent(changed)}`;
      expect([at, signedBy(NEW).read(header).ticket]).toEqual([at, undefined]);
    }
  });

  it('is refused without secrets', () => {
    const given = pair(signedBy(NEW).give({ id, secret: 0 }, true));
    expect(cookie().read(given).ticket).toBeUndefined();
  });
});

describe('the Set-Cookie header of a session', () => {
  it('has safe attributes', () => {
    expect(cookie().give({ id, secret: 0 }, true)).toBe(
      `SID=${id}; Path=/; HttpOnly; Secure; SameSite=Lax`,
    );
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
  ])('has options: %j', (options, header) => {
    expect(cookie(options).give({ id, secret: 0 }, true)).toBe(header);
  });

  it.each([
    [true, true],
    [false, false],
  ])("with secure: 'auto' over https (%p) is Secure: %p", (isHttps, isSecure) => {
    expect(cookie({ secure: 'auto' }).give({ id, secret: 0 }, isHttps).includes('Secure')).toBe(
      isSecure,
    );
  });

  it('with secure: true is Secure over http, too', () => {
    expect(cookie({ secure: true }).give({ id, secret: 0 }, false)).toContain('; Secure');
  });

  it.each<[SessionCookieOptions['secure'], boolean]>([
    [true, true],
    ['auto', false],
    [false, false],
  ])('with secure: %p needs https: %p', (secure, needs) => {
    expect(cookie({ secure: secure! }).needsHttps).toBe(needs);
  });
});

describe('a session cookie is sent', () => {
  it.each([
    ['/', '/', true],
    ['/', 'http://example.org', true],
    ['/app', '/app', true],
    ['/app', '/app/', true],
    ['/app', '/app?a=b', true],
    ['/app', '/app/more', true],
    ['/app', 'http://example.org/app', true],
    ['/app', 'http://example.org/other?/app', false],
    ['/app', '/application', false],
    ['/app', '/?/app', false],
    ['/app/', '/app', false],
    ['/app/', '/app/more', true],
  ])('with path %s to %s: %s', (path, target, isSent) => {
    expect(cookie({ path }).isSentTo(target)).toBe(isSent);
  });
});

describe('the Set-Cookie header that clears a session', () => {
  it('has no value, and has expired', () => {
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
  ])('has the attributes of the cookie: %j', (options) => {
    for (const isHttps of [true, false]) {
      const given = attributes(cookie(options).give({ id, secret: 0 }, isHttps));
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
