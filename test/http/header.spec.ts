import { describe, expect, it } from '@jest/globals';

import { NOT_SENT } from '../../src/http/received-id.js';
import { ASKED_FOR, SessionHeader } from '../../src/http/header.js';
import { newSessionId } from '../../src/session/session-id.js';

const id = newSessionId();
const other = newSessionId();
const OLD = 'an old secret of thirty-two chars';
const NEW = 'a new secret of thirty-two chars.';

/** The value that Node.js gives for a repeated header. */
function request(name: string, ...values: string[]) {
  const joined = name === 'authorization' ? values[0] : values.join(', ');
  return {
    headers: values.length > 0 ? { [name]: joined } : {},
    rawHeaders: values.flatMap((value) => [name.toUpperCase(), value]),
  };
}

const own = new SessionHeader('x-session-id');
const authorization = new SessionHeader('authorization');
const signedBy = (...secrets: string[]) => new SessionHeader('x-session-id', secrets);

describe('a session id in a header', () => {
  it.each([
    ['alone', id],
    ['as a bearer', `Bearer ${id}`],
    ['as a bearer of another case', `bearer ${id}`],
  ])('is read %s', (_how, value) => {
    expect(own.read(request('x-session-id', value))).toEqual({
      ...{ wasSent: true, isAmbiguous: false, by: 'header' },
      ticket: { id, secret: 0 },
    });
  });

  it.each([
    ['too short', id.slice(1)],
    ['too long', `${id}A`],
    ['not canonical', `${'A'.repeat(42)}B`],
    ['in quotes', `"${id}"`],
    ['of another scheme', `Basic ${id}`],
    ['a bearer twice', `Bearer Bearer ${id}`],
    ['signed, where there are no secrets', signedBy(NEW).give({ id, secret: 0 })],
    ['a list', `${id},${id}`],
    ['very long', 'x'.repeat(10_000)],
  ])('is refused if it is %s', (_how, value) => {
    expect(own.read(request('x-session-id', value))).toEqual({
      ...{ wasSent: true, isAmbiguous: false, by: 'header', ticket: undefined },
    });
  });

  it('is absent without the header', () => {
    expect(own.read(request('x-session-id'))).toBe(NOT_SENT);
  });

  it.each(['', 'Bearer', 'Bearer '])('is requested by an empty header: %j', (value) => {
    expect(own.read(request('x-session-id', value))).toBe(ASKED_FOR);
  });

  it.each(['x-session-id', 'authorization'])('is ambiguous if %s has two of them', (name) => {
    const header = new SessionHeader(name);
    const received = header.read(request(name, `Bearer ${id}`, `Bearer ${other}`));
    expect(received).toMatchObject({ wasSent: true, isAmbiguous: true, ticket: undefined });
  });

  it('is written as the client must send it', () => {
    const given = own.give({ id, secret: 0 });
    expect(given).toBe(id);
    expect(own.read(request('x-session-id', given)).ticket).toEqual({ id, secret: 0 });
  });
});

describe('a session id in the Authorization header', () => {
  it('is a bearer token when it is written and read', () => {
    const given = authorization.give({ id, secret: 0 });
    expect(given).toBe(`Bearer ${id}`);
    expect(authorization.read(request('authorization', given)).ticket).toEqual({ id, secret: 0 });
  });

  it.each(['Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', 'Bearer a.b.c', 'Digest x="y"', id, ''])(
    'is absent if the header has other credentials: %s',
    (value) => {
      expect(authorization.read(request('authorization', value))).toBe(NOT_SENT);
    },
  );

  it('is requested by Bearer without a token', () => {
    expect(authorization.read(request('authorization', 'Bearer'))).toBe(ASKED_FOR);
  });
});

describe('a signed session id in a header', () => {
  it('can be read again, by the secret that signed it', () => {
    const given = signedBy(OLD).give({ id, secret: 0 });
    expect(given).toMatch(/^s:[\w-]{43}\.[\w+/]+$/);
    expect(signedBy(NEW, OLD).read(request('x-session-id', given)).ticket).toEqual({
      id,
      secret: 1,
    });
  });

  it.each([
    ['not signed', id],
    ['signed with another secret', signedBy(OLD).give({ id, secret: 0 })],
    ['encoded as in the cookie', encodeURIComponent(signedBy(NEW).give({ id, secret: 0 }))],
  ])('is refused if it is %s', (_how, value) => {
    const received = signedBy(NEW).read(request('x-session-id', value));
    expect(received).toMatchObject({ wasSent: true, ticket: undefined });
  });

  it('is refused if one character is changed', () => {
    const given = signedBy(NEW).give({ id, secret: 0 });
    for (let at = 0; at < given.length; at++) {
      const changed = given.slice(0, at) + (given[at] === 'A' ? 'B' : 'A') + given.slice(at + 1);
      expect([at, signedBy(NEW).read(request('x-session-id', changed)).ticket]).toEqual([
        ...[at, undefined],
      ]);
    }
  });
});
