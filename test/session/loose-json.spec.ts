import { describe, expect, it } from '@jest/globals';

import { toLooseJson } from '../../src/session/entry-value.js';
import { SessionValueError } from '../../src/session/errors.js';

function nested(levels: number): unknown {
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}

function cyclic(): unknown[] {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

describe('what JSON makes of a value', () => {
  it.each([
    ['a Date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['NaN', Number.NaN, 'null'],
    ['undefined in an object', { a: undefined, b: 1 }, '{"b":1}'],
    ['undefined in an array', [undefined], '[null]'],
    ['a Map', new Map([[1, 2]]), '{}'],
    ['what has toJSON', { toJSON: () => 'text' }, '"text"'],
    ['escapes', '\u0001', String.raw`"\u0001"`],
    ['a long text', 'x'.repeat(2000), `"${'x'.repeat(2000)}"`],
  ])('is its text: %s', (_what, value, json) => {
    expect(toLooseJson('cart', value)).toBe(json);
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('cart')],
  ])('is nothing: %s', (_what, value) => {
    expect(toLooseJson('cart', value)).toBeUndefined();
  });

  it.each([
    ['a BigInt', 1n],
    ['a cycle', cyclic()],
    ['a key __proto__', JSON.parse('{"a":{"__proto__":{}}}')],
    ['too deep', nested(501)],
  ])('is refused: %s', (_what, value) => {
    expect(() => toLooseJson('cart', value)).toThrow(SessionValueError);
  });
});
