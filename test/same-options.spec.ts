import { describe, expect, it } from '@jest/globals';

import { areSameOptions, MadeOnce } from '../src/same-options.js';

class Store {}
const store = new Store();
const factory = () => ({});

describe('the same options', () => {
  it.each<[unknown, unknown]>([
    [{}, {}],
    [{ timeout: 1 }, { timeout: 1 }],
    [{ timeout: 1, memcached: undefined }, { timeout: 1 }],
    [{ cookie: { name: 'a' } }, { cookie: { name: 'a' } }],
    [{ memcached: ['a:1', { server: 'b:1' }] }, { memcached: ['a:1', { server: 'b:1' }] }],
    [{ stores: [store] }, { stores: [store] }],
    [
      { useFactory: factory, inject: [Store] },
      { inject: [Store], useFactory: factory },
    ],
    [{ a: NaN }, { a: NaN }],
  ])('are %j and %j', (one, other) => {
    expect(areSameOptions(one, other)).toBe(true);
    expect(areSameOptions(other, one)).toBe(true);
  });

  it.each<[unknown, unknown]>([
    [{}, { timeout: 1 }],
    [{ cookie: { name: 'a' } }, { cookie: { name: 'b' } }],
    [{ memcached: ['a:1'] }, { memcached: ['a:1', 'b:1'] }],
    [{ memcached: 'a:1' }, { memcached: ['a:1'] }],
    [{ stores: [new Store()] }, { stores: [new Store()] }],
    [{ useFactory: () => ({}) }, { useFactory: () => ({}) }],
    [{ a: {} }, { a: [] }],
    [{ a: null }, { a: {} }],
  ])('are not %j and %j', (one, other) => {
    expect(areSameOptions(one, other)).toBe(false);
    expect(areSameOptions(other, one)).toBe(false);
  });
});

describe('an object made from options', () => {
  it('is created once, until the options change', () => {
    const once = new MadeOnce<object>();
    const options = { timeout: 1, cookie: { name: 'a' } };
    const made = once.of(options, () => ({}));
    expect(once.of({ ...options }, () => ({}))).toBe(made);
    options.timeout = 2;
    const other = once.of(options, () => ({}));
    expect(other).not.toBe(made);
    options.cookie.name = 'b';
    expect(once.of(options, () => ({}))).not.toBe(other);
  });

  it('may contain itself', () => {
    const once = new MadeOnce<object>();
    const cycle = () => {
      const options: { self?: object } = {};
      options.self = options;
      return options;
    };
    const [one, other] = [cycle(), cycle()];
    const made = once.of(one, () => ({}));
    expect(once.of(one, () => ({}))).toBeDefined();
    expect(once.of(other, () => ({}))).not.toBe(made);
  });
});
