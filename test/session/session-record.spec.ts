import { describe, expect, it } from '@jest/globals';

import {
  decodeRecord,
  encodeForwarder,
  encodeRecord,
  type SessionRecord,
} from '../../src/session/session-record.js';

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
  ])('with %s comes back as it was', (_what, entries) => {
    const original = record(entries);
    const decoded = decodeRecord(encodeRecord(original)) as SessionRecord;

    expect(decoded).toEqual(original);
    expect([...decoded.entries.keys()]).toEqual([...original.entries.keys()]);
  });

  it('takes 120 bytes at most beyond the JSON of its entries', () => {
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
  it('comes back as it was', () => {
    const text = encodeForwarder({ forwardTo: 'sess:other', until: 1000 });
    expect(decodeRecord(text)).toEqual({ forwardTo: 'sess:other', until: 1000 });
  });
});

describe('what is no record', () => {
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
  ])('%s is none', (_what, garbage) => {
    expect(decodeRecord(garbage)).toBeUndefined();
  });

  it.each([
    ['no JSON', 'x'],
    ['null', 'null'],
    ['a number', '1'],
    ['an object', '{"0":1,"length":4}'],
    ['deep JSON', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`],
    ['nothing', '[]'],
    ['the format alone', '[1]'],
    ['another format', '[2,1,1,[]]'],
    ['the format as a string', '["1",1,1,[]]'],
    ['a forwarder to a number', '[1,5]'],
    ['a forwarder to null', '[1,null]'],
    ['no index', '[1,1,1]'],
    ['a createdAt that is none', '[1,"1",1,[]]'],
    ['a createdAt of null', '[1,null,1,[]]'],
    ['a cookieSentAt that is none', '[1,1,"",[]]'],
    ['an index that is an object', '[1,1,1,{"a":1}]'],
    ['an index of null', '[1,1,1,null]'],
    ['an index of deep JSON', `[1,1,1,${'['.repeat(100_000)}${']'.repeat(100_000)}]`],
    ['a key without a length', '[1,1,1,["a"]]', '1'],
    ['a key that is a number', '[1,1,1,[1,1]]', '1'],
    ['a length of 0', '[1,1,1,["a",0]]', ''],
    ['a negative length', '[1,1,1,["a",2,"b",-1]]', '1'],
    ['a broken length', '[1,1,1,["a",1.5]]', '12'],
    ['a length that is a string', '[1,1,1,["a","1"]]', '1'],
    ['a length beyond the end', '[1,1,1,["a",9]]', '1'],
    ['more values than the index names', '[1,1,1,["a",1]]', '12'],
  ])('a header with %s is none', (_what, header, values = '') => {
    expect(decodeRecord(`${header}\n${values}`)).toBeUndefined();
  });

  it('no prototype is changed by what is read', () => {
    const values = '{"admin":true}';
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const header = JSON.stringify([1, 1, 1, [key, values.length]]);
      decodeRecord(`${header}\n${values}`);
    }
    decodeRecord('{"__proto__":{"admin":true}}\n');

    expect('admin' in {}).toBe(false);
    expect('admin' in new Map()).toBe(false);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
