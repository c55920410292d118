import { runInNewContext } from 'node:vm';

import { describe, expect, it } from '@jest/globals';

import { checkKey, fromJson, toJson } from '../../src/session/entry-value.js';
import { SessionValueError } from '../../src/session/errors.js';

class Cart {
  items = [1];
}

function cyclic(): object {
  const value: Record<string, unknown> = { name: 'a' };
  value.inner = { self: value };
  return value;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function wrongAt(value: unknown): string | undefined {
  try {
    toJson('cart', value);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(SessionValueError);
    expect((error as Error).message).toContain(`session.${(error as SessionValueError).path}`);
    return (error as SessionValueError).path;
  }
}

describe('values that JSON keeps', () => {
  it.each([
    ['a string', 'ä€😀"\\\n\u2028\0'],
    ['a lone surrogate', 'a\ud800b'],
    ['an empty string', ''],
    ['a number', -1.5e300],
    ['a boolean', false],
    ['null', null],
    ['an empty array', []],
    ['an object', { a: { b: [1, { c: null }] }, '': 0 }],
    ['an object with keys of any name', { constructor: 1, prototype: 2, toString: 3, toJSON: 4 }],
    ['an object of another realm', runInNewContext('({ a: [1] })') as unknown],
    ['500 levels', nested(500)],
  ])('%s is restored unchanged', (_what, value) => {
    expect(JSON.parse(toJson('cart', value))).toEqual(value);
  });

  it('an object without a prototype is kept', () => {
    const value = Object.assign(Object.create(null) as object, { a: 1 });
    expect(toJson('cart', value)).toBe('{"a":1}');
  });

  it('the same object twice is not a cycle', () => {
    const twice = { a: 1 };
    expect(toJson('cart', [twice, { twice }])).toBe('[{"a":1},{"twice":{"a":1}}]');
  });
});

describe('values that JSON does not keep', () => {
  const wrong: [string, unknown][] = [
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', -Infinity],
    ['undefined', undefined],
    ['a BigInt', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Date', new Date()],
    ['an invalid Date', new Date(NaN)],
    ['a Map', new Map([[1, 2]])],
    ['a Set', new Set([1])],
    ['a RegExp', /a/],
    ['an Error', new Error('e')],
    ['a class instance', new Cart()],
    ['an object that inherits', Object.create({ a: 1 })],
    ['a Buffer', Buffer.from('a')],
    ['a typed array', new Uint8Array(2)],
    ['a boxed string', new String('a')],
    ['a promise', Promise.resolve(1)],
    ['a symbol key', { [Symbol('s')]: 1 }],
    ['a toJSON function', { toJSON: () => 'other' }],
    ['a cycle', cyclic()],
    ['an own __proto__', JSON.parse('{"__proto__":1}')],
    ['an array with a hole', Array.from({ length: 2 }).fill(1, 1)],
    ['an array with a property', Object.assign([1], { note: 'lost' })],
    ['an array of a class', new (class Items extends Array<number> {})(3).fill(1)],
    ['a property that is not enumerable', Object.defineProperty({}, 'hidden', { value: 1 })],
  ];

  it.each(wrong)('%s is refused', (_what, value) => {
    expect(wrongAt(value)).toMatch(/^cart/);
  });

  it.each(wrong.filter(([, value]) => value !== undefined))(
    '%s is refused deep within a value',
    (_what, value) => {
      expect(wrongAt({ items: [0, { price: value }] })).toMatch(/^cart\.items\[1\]\.price/);
    },
  );

  it('an undefined property is omitted, or refused on request', () => {
    const value = { a: { b: undefined, c: 1 } };
    expect(toJson('cart', value)).toBe('{"a":{"c":1}}');
    expect(() => toJson('cart', value, true)).toThrow('session.cart.a.b: JSON has no undefined');
  });

  it.each([
    ['a hole', 'cart[1]', [1, , 2]], // eslint-disable-line no-sparse-arrays
    ['an undefined item', 'cart.a[1]', { a: [1, undefined] }],
    ['a cycle', 'cart.inner.self', cyclic()],
    ['an array that holds itself', 'cart[0]', holdsItself()],
    ['an own __proto__', 'cart.a.__proto__', { a: JSON.parse('{"__proto__":{"admin":true}}') }],
    ['a key beyond ASCII', 'cart.größe', { größe: NaN }],
  ])('%s is reported with its path', (_what, path, value) => {
    expect(wrongAt(value)).toBe(path);
  });

  it('more than 500 levels are refused, both 501 and 100,000', () => {
    expect(wrongAt(nested(501))).toBe(`cart${'[0]'.repeat(500)}`);
    expect(wrongAt(nested(100_000))).toBe(`cart${'[0]'.repeat(500)}`);
  });

  it.each([
    ['a Date', new Date(), 'toISOString'],
    ['a Map', new Map(), 'Object.fromEntries'],
    ['a Set', new Set(), '[...set]'],
    ['a BigInt', 1n, 'string'],
  ])('%s: the message names the remedy', (_what, value, remedy) => {
    expect(() => toJson('cart', value)).toThrow(remedy);
  });

  it('the message does not show the value', () => {
    expect(() => toJson('cart', { a: new Cart(), secret: 'hunter2' })).not.toThrow('hunter2');
  });
});

describe('checkKey', () => {
  it.each(['cart', '', 'a.b', 'größe', 'id', 'toString', ' '])('accepts %p', (key) => {
    expect(() => checkKey(key)).not.toThrow();
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses %s', (key) => {
    expect(() => checkKey(key)).toThrow(SessionValueError);
    expect(() => checkKey(key)).toThrow(`session.${key}: `);
  });

  it.each([undefined, null, 5, Symbol('s'), {}, ['cart']])('refuses %p', (key) => {
    expect(() => checkKey(key)).toThrow(SessionValueError);
  });
});

function holdsItself(): unknown[] {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

describe('texts from the store', () => {
  it.each(['{"a":[1,{"b":null}]}', '"text"', '0', JSON.stringify(nested(500))])(
    'give the original values: %.30s',
    (json) => {
      expect(JSON.stringify(fromJson(json))).toBe(json);
    },
  );

  it.each([
    ['no JSON', '{"a":'],
    ['nothing', ''],
    ['nested too deeply', JSON.stringify(nested(501))],
    ['nested 20,000 levels deep', '['.repeat(20_000) + ']'.repeat(20_000)],
    ['no values of this package', 'NaN'],
    ['of a key that reaches into prototypes', '{"a":[{"__proto__":{"isAdmin":true}}]}'],
    ['of such a key in disguise', '{"\\u005f_proto__":{"isAdmin":true}}'],
  ])('give no value if they are %s', (_what, json) => {
    expect(fromJson(json)).toBeUndefined();
  });

  it('may contain names of prototype members', () => {
    const json = '["__proto__",{"constructor":{"prototype":"\\u0000"}}]';
    expect(JSON.stringify(fromJson(json))).toBe(json);
  });
});
