import { describe, expect, it } from '@jest/globals';

import {
  decodeRecord,
  encodeForwarder,
  encodeRecord,
  type SessionForwarder,
  type SessionRecord,
} from '../../../src/session/storage/record-format.js';

function record(entries: Record<string, unknown>): SessionRecord {
  const texts = Object.entries(entries).map(([key, value]): [string, string] => [
    key,
    JSON.stringify(value),
  ]);
  return { createdAt: 1_763_849_999_999, cookieSentAt: 1_763_849_999_998, entries: new Map(texts) };
}

describe('a record', () => {
  it.each<[string, Record<string, unknown>]>([
    ['no entries', {}],
    ['an entry with an empty key', { '': 1 }],
    ['unicode', { 'größe€😀': 'ä€😀', ß: { '😀': ['日本'] } }],
    ['lone surrogates in values', { a: '\ud800', b: '\udc00x\ud800', c: 'end' }],
    ['lone surrogates in keys', { '\ud800': 1, '\udc00': 2 }],
    ['quotes and backslashes', { '"\\': '"\\"', b: '\\u0041' }],
    ['newlines', { 'a\nb\r\n': 'c\nd\r\n\u2028\u2029\0', b: '\n' }],
    ['empty values', { a: '', b: [], c: {}, d: null, e: 0 }],
    ['what looks like a record', { a: '0[1,1,1,["a",1]]\n1' }],
    ['many entries', Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i]))],
    ['names that objects have', { toString: 1, hasOwnProperty: 2, valueOf: 3 }],
  ])('with %s is decoded unchanged', (_what, entries) => {
    const original = record(entries);
    const decoded = decodeRecord(encodeRecord(original)) as SessionRecord;

    expect(decoded).toEqual(original);
    expect([...decoded.entries.keys()]).toEqual([...original.entries.keys()]);
  });

  it('needs at most 120 bytes beyond the JSON of its entries', () => {
    const entries = {
      visits: 17,
      userId: '5a2f',
      cart: [{ sku: 'a-1', count: 2 }],
      locale: 'de',
      flags: { beta: true },
      lastSeen: '2026-01-01T00:00:00.000Z',
      csrf: 'x'.repeat(43),
      theme: null,
    };
    for (const some of [{}, { visits: 1 }, entries]) {
      const bytes = Buffer.byteLength(encodeRecord(record(some)));
      expect(bytes - Buffer.byteLength(JSON.stringify(some))).toBeLessThanOrEqual(120);
    }
  });
});

describe('a forwarder', () => {
  it.each<[string, SessionForwarder]>([
    ['of a new id', { forwardTo: 'sess:other', until: 1000 }],
    [
      'of a scheduled rotation',
      { forwardTo: 'sess:other', until: 1000, grace: { salt: 'salt', until: 500 } },
    ],
    ['that is a border', { forwardTo: 'sess:other', until: 1000, isBorder: true }],
    ['of a sign-in', { forwardTo: 'sess:other', until: 1000, isBorder: true, isSignIn: true }],
  ])('%s is decoded unchanged', (_what, forwarder) => {
    expect(decodeRecord(encodeForwarder(forwarder))).toEqual(forwarder);
  });
});

describe('a record of version 1', () => {
  const times = { createdAt: 7, cookieSentAt: 5 };
  const entries = new Map([['a', '1']]);

  it.each<[string, string, SessionRecord | SessionForwarder]>([
    ['without a user', '[1,7,5,["a",1]]\n1', { ...times, entries }],
    [
      'without a user, with a new id',
      '[1,7,5,["a",1],null,"h"]\n1',
      { ...times, entries, handle: 'h' },
    ],
    [
      'of a user',
      '[1,7,5,["a",1],"u","h"]\n1',
      { ...times, entries, user: { id: 'u', handle: 'h' } },
    ],
    ['that forwards', '[1,"sess:x",9]\n', { forwardTo: 'sess:x', until: 9 }],
    [
      'that forwards with a grace',
      '[1,"sess:x",9,"salt",8]\n',
      { forwardTo: 'sess:x', until: 9, grace: { salt: 'salt', until: 8 } },
    ],
    ['that is a border', '[1,9,"sess:x"]\n', { forwardTo: 'sess:x', until: 9, isBorder: true }],
    [
      'that is the border of a sign-in',
      '[1,9,"sess:x","sign-in"]\n',
      { forwardTo: 'sess:x', until: 9, isBorder: true, isSignIn: true },
    ],
  ])('%s is read', (_what, text, expected) => {
    expect(decodeRecord(text)).toEqual(expected);
  });
});

describe('a record of a newer release', () => {
  it.each([
    ['with another version', '[3,"session",7,5,["a",1]]\n1', undefined],
    ['with one more element', '[3,"session",7,5,["a",1],{},"new"]\n1', undefined],
    [
      'with a field of its own',
      '[2,"session",7,5,["a",1],{"tenant":{"id":1}}]\n1',
      { tenant: { id: 1 } },
    ],
  ])('%s is a session, and keeps unknown fields', (_what, text, more) => {
    const decoded = decodeRecord(text) as SessionRecord;
    expect(decoded.entries).toEqual(new Map([['a', '1']]));
    expect(decoded.more).toEqual(more);
    expect((decodeRecord(encodeRecord(decoded)) as SessionRecord).more).toEqual(more);
  });

  it('of an unknown kind is not a session', () => {
    expect(decodeRecord('[3,"suspended",7,5,["a",1]]\n1')).toBeUndefined();
  });
});

describe('an invalid record', () => {
  it.each([
    ['nothing', ''],
    ['a line end', '\n'],
    ['null', 'null'],
    ['a number', '42'],
    ['a string', '"text"'],
    ['an object', '{"createdAt":1,"entries":{}}'],
    ["express-session's JSON", '{"cookie":{"originalMaxAge":null},"visits":1}'],
    ['garbage', '\ufffd\0\u0001 garbage\n\n'],
    ['deep JSON', `${'['.repeat(1_000_000)}\n`],
  ])('%s is refused', (_what, garbage) => {
    expect(decodeRecord(garbage)).toBeUndefined();
  });

  it.each([
    ['no JSON', 'x'],
    ['null', 'null'],
    ['a number', '1'],
    ['an object', '{"0":1,"length":4}'],
    ['deep JSON', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
    ['nothing', '[]'],
    ['the version alone', '[2]'],
    ['a version of 0', '[0,"session",1,1,[]]'],
    ['a version that is a string', '["2","session",1,1,[]]'],
    ['a broken version', '[2.5,"session",1,1,[]]'],
    ['a kind that is a number', '[2,1,1,1,[]]'],
    ['a forwarder to a number', '[2,"forwarder",5,1]'],
    ['a forwarder to null', '[2,"forwarder",null,1]'],
    ['a forwarder for ever', '[2,"forwarder","sess:x"]'],
    ['a grace without an end', '[2,"forwarder","sess:x",1,{"grace":{"salt":"s"}}]'],
    ['a grace that is a string', '[2,"forwarder","sess:x",1,{"grace":"s"}]'],
    ['a border to a number', '[2,"border",5,1]'],
    ['no index', '[2,"session",1,1]'],
    ['a createdAt that is a string', '[2,"session","1",1,[]]'],
    ['a createdAt of null', '[2,"session",null,1,[]]'],
    ['a cookieSentAt that is a string', '[2,"session",1,"",[]]'],
    ['an index that is an object', '[2,"session",1,1,{"a":1}]'],
    ['an index of null', '[2,"session",1,1,null]'],
    ['an index of deep JSON', `[2,"session",1,1,${'['.repeat(100_000)}${']'.repeat(100_000)}]`],
    ['a key without a length', '[2,"session",1,1,["a"]]', '1'],
    ['a key that is a number', '[2,"session",1,1,[1,1]]', '1'],
    ['a length of 0', '[2,"session",1,1,["a",0]]', ''],
    ['a negative length', '[2,"session",1,1,["a",2,"b",-1]]', '1'],
    ['a broken length', '[2,"session",1,1,["a",1.5]]', '12'],
    ['a length that is a string', '[2,"session",1,1,["a","1"]]', '1'],
    ['a length beyond the end', '[2,"session",1,1,["a",9]]', '1'],
    ['more values than the index names', '[2,"session",1,1,["a",1]]', '12'],
    ['fields that are a list', '[2,"session",1,1,[],[]]'],
    ['fields of null', '[2,"session",1,1,[],null]'],
    ['a user without a handle', '[2,"session",1,1,[],{"userId":"u"}]'],
    ['a user that is a number', '[2,"session",1,1,[],{"userId":7,"handle":"h"}]'],
    ['a user of null', '[2,"session",1,1,[],{"userId":null,"handle":"h"}]'],
    ['a handle that is a number', '[2,"session",1,1,[],{"handle":1}]'],
    ['no key of version 1', '[1,5]'],
    ['an end of version 1 that is null', '[1,null]'],
    ['a user of version 1 without a handle', '[1,1,1,[],"u"]'],
    ['a handle of version 1 that is a number', '[1,1,1,[],"u",1]'],
  ])('with %s in its header is refused', (_what, header, values = '') => {
    expect(decodeRecord(`${header}\n${values}`)).toBeUndefined();
  });

  it('does not change a prototype', () => {
    const values = '{"admin":true}';
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const header = JSON.stringify([2, 'session', 1, 1, [key, values.length]]);
      decodeRecord(`${header}\n${values}`);
    }
    decodeRecord('{"__proto__":{"admin":true}}\n');
    const more = decodeRecord('[2,"session",1,1,[],{"__proto__":{"admin":true}}]\n');
    encodeRecord(more as SessionRecord);

    expect('admin' in {}).toBe(false);
    expect('admin' in new Map()).toBe(false);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
