import { AsyncLocalStorage } from 'node:async_hooks';

import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionEntries } from '../../src/session/entries.js';
import { SessionValueError } from '../../src/session/errors.js';

type Cart = Record<string, number>;

/** What the changes make of a record that holds these entries. */
function merged(entries: SessionEntries, newest: Record<string, unknown> = {}): unknown {
  expect(entries.hasChanges()).toBe(true);
  const texts = textsOf(newest);
  entries.takeChanges().applyTo(texts);
  return parsed(texts);
}

function textsOf(entries: Record<string, unknown>): Map<string, string> {
  return new Map(Object.entries(entries).map(([key, value]) => [key, JSON.stringify(value)]));
}

function parsed(texts: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...texts].map(([key, json]) => [key, JSON.parse(json) as unknown]));
}

describe('the entries of a session', () => {
  const stored = { visits: 1, cart: { apples: 2 }, name: 'Zoë' };
  let texts: Map<string, string>;
  let entries: SessionEntries;

  beforeEach(() => {
    texts = textsOf(stored);
    entries = new SessionEntries(texts);
  });

  describe('that have not changed', () => {
    const ways: [string, (entries: SessionEntries) => void][] = [
      ['set to an equal value', (e) => e.set('visits', 1)],
      ['set to the object that was read', (e) => e.set('cart', e.get('cart'))],
      ['set to an equal object', (e) => e.set('cart', { apples: 2 })],
      ['incremented by 0', (e) => e.increment('visits', 0)],
      ['updated to an equal value', (e) => e.update('cart', (cart) => ({ ...(cart as Cart) }))],
      ['set and set back', (e) => void (e.set('visits', 2), e.set('visits', 1))],
      ['deleted and set back', (e) => void (e.delete('name'), e.set('name', 'Zoë'))],
      ['set and deleted', (e) => void (e.set('fresh', 1), e.delete('fresh'))],
      ['incremented and back', (e) => void (e.increment('visits', 1), e.increment('visits', -1))],
      [
        'changed in place and back',
        (e) => {
          const cart = e.get('cart') as Cart;
          cart['pears'] = 1;
          e.hasChanges();
          delete cart['pears'];
        },
      ],
      [
        'cleared and set back',
        (e) => {
          e.clear();
          for (const [key, value] of Object.entries(stored)) e.set(key, value);
        },
      ],
    ];

    it.each(ways)('have nothing to store: %s', (_how, work) => {
      work(entries);
      expect(entries.hasChanges()).toBe(false);
    });

    it.each(ways)('are compared with the values last stored: %s', (_how, work) => {
      entries.set('other', 1);
      entries.takeChanges();
      work(entries);
      entries.set('other', 1);
      // Cleared, it is not set back.
      expect(entries.hasChanges()).toBe(!entries.has('other'));
    });

    it('do not overwrite what others wrote meanwhile', () => {
      entries.set('visits', 1);
      entries.set('name', 'Ada');
      expect(merged(entries, { ...stored, visits: 7 })).toEqual({
        ...stored,
        visits: 7,
        name: 'Ada',
      });
    });

    it('are updated again if something else is stored', () => {
      entries.update('visits', (visits) => Math.max(visits as number, 1));
      entries.set('name', 'Ada');
      expect(merged(entries, { ...stored, visits: 0 })).toMatchObject({ visits: 1, name: 'Ada' });
    });

    it('return to the values before changes that could not be stored', () => {
      entries.set('visits', 2);
      entries.returnChanges(entries.takeChanges());
      expect(entries.hasChanges()).toBe(true);
      entries.set('visits', 1);
      expect(entries.hasChanges()).toBe(false);
    });

    it('count as changed after they were dropped', () => {
      entries.retain(() => false);
      entries.set('visits', 1);
      expect(merged(entries)).toEqual({ visits: 1 });
    });

    it('count as a change if they are a flash message, which another request may be reading', () => {
      entries.setFlash('notice', 'Hi');
      entries.takeChanges();
      entries.setFlash('notice', 'Hi');
      expect(entries.hasChanges()).toBe(true);
    });
  });

  describe('read', () => {
    it('have the values of the record', () => {
      expect(entries.get('visits')).toBe(1);
      expect(entries.get('cart')).toEqual({ apples: 2 });
      expect(entries.get('missing')).toBeUndefined();
      expect(entries.has('name')).toBe(true);
      expect(entries.has('missing')).toBe(false);
      expect([...entries.keys()]).toEqual(['visits', 'cart', 'name']);
      expect(entries.size).toBe(3);
    });

    it('cause no change', () => {
      entries.get('cart');
      entries.get('missing');
      expect(entries.hasChanges()).toBe(false);
    });

    it('return the same object each time', () => {
      expect(entries.get('cart')).toBe(entries.get('cart'));
    });

    it('do not contain the names of Object.prototype', () => {
      expect(entries.get('toString')).toBeUndefined();
      expect(entries.has('hasOwnProperty')).toBe(false);
    });
  });

  describe('set', () => {
    it('can be read immediately', () => {
      entries.set('visits', 2);
      entries.set('new', [1]);
      expect(entries.get('visits')).toBe(2);
      expect(entries.get('new')).toEqual([1]);
      expect(entries.size).toBe(4);
    });

    it('are merged with changes of others', () => {
      entries.set('visits', 2);
      expect(merged(entries, { ...stored, name: 'Ada', more: 1 })).toEqual({
        visits: 2,
        cart: { apples: 2 },
        name: 'Ada',
        more: 1,
      });
    });

    it('to undefined are deleted', () => {
      entries.set('visits', undefined);
      expect(entries.has('visits')).toBe(false);
      expect(merged(entries, stored)).not.toHaveProperty('visits');
    });

    it('do not change the record they came from, which others may share', () => {
      entries.set('visits', 2);
      entries.delete('name');
      entries.clear();
      expect(parsed(texts)).toEqual(stored);
    });

    it('to values that JSON does not keep are refused and keep their values', () => {
      expect(() => entries.set('visits', NaN)).toThrow(SessionValueError);
      expect(() => entries.set('__proto__', {})).toThrow(SessionValueError);
      expect(entries.get('visits')).toBe(1);
      expect(entries.hasChanges()).toBe(false);
    });
  });

  describe('deleted', () => {
    it('are gone, and delete() returns whether they existed', () => {
      expect(entries.delete('visits')).toBe(true);
      expect(entries.delete('visits')).toBe(false);
      expect(entries.delete('missing')).toBe(false);
      expect(entries.get('visits')).toBeUndefined();
      expect(merged(entries, stored)).toEqual({ cart: { apples: 2 }, name: 'Zoë' });
    });

    it('cause no change if they did not exist', () => {
      entries.delete('missing');
      expect(entries.hasChanges()).toBe(false);
    });

    it('stay deleted when the object that was read is changed', () => {
      const cart = entries.get('cart') as Cart;
      entries.delete('cart');
      cart.pears = 1;
      expect(entries.has('cart')).toBe(false);
      expect(merged(entries, stored)).toEqual({ visits: 1, name: 'Zoë' });
    });
  });

  describe('cleared', () => {
    it('are gone, also those that others set', () => {
      entries.get('cart');
      entries.clear();
      expect(entries.size).toBe(0);
      entries.set('fresh', true);
      expect(merged(entries, { ...stored, more: 1 })).toEqual({ fresh: true });
    });
  });

  describe('mutated', () => {
    it('are detected', () => {
      (entries.get('cart') as Cart).pears = 1;
      expect(merged(entries, stored)).toEqual({ ...stored, cart: { apples: 2, pears: 1 } });
    });

    it('are detected deep within', () => {
      entries = new SessionEntries(textsOf({ a: { list: [{ n: 1 }] } }));
      (entries.get('a') as { list: { n: number }[] }).list[0]!.n = 2;
      expect(merged(entries)).toEqual({ a: { list: [{ n: 2 }] } });
    });

    it('are detected after a set', () => {
      const cart: Cart = { apples: 1 };
      entries.set('cart', cart);
      cart.apples = 5;
      expect(merged(entries)).toEqual({ cart: { apples: 5 } });
    });

    it('are detected again after a commit', () => {
      const cart = entries.get('cart') as Cart;
      cart.apples = 3;
      merged(entries);
      expect(entries.hasChanges()).toBe(false);
      cart.apples = 4;
      expect(merged(entries)).toEqual({ cart: { apples: 4 } });
    });

    it('cause no change if the old value is restored', () => {
      const cart = entries.get('cart') as Cart;
      cart.pears = 1;
      delete cart.pears;
      expect(entries.hasChanges()).toBe(false);
    });

    it('into values that JSON does not keep are refused at detection, with the path', () => {
      Object.assign(entries.get('cart') as Cart, { since: new Date() });
      expect(() => entries.hasChanges()).toThrow(expect.objectContaining({ path: 'cart.since' }));
    });

    it('are not detected after another value has replaced the object', () => {
      const cart = entries.get('cart') as Cart;
      entries.set('cart', { plums: 1 });
      cart.apples = 99;
      expect(merged(entries)).toEqual({ cart: { plums: 1 } });
    });
  });

  describe('updated', () => {
    it('are changed immediately, and again on the newest value', () => {
      entries.update('visits', (old) => (old as number) + 1);
      expect(entries.get('visits')).toBe(2);
      expect(merged(entries, { visits: 10 })).toEqual({ visits: 11 });
    });

    it('start with undefined', () => {
      entries.update('list', (old) => [...((old as unknown[] | undefined) ?? []), 1]);
      expect(entries.get('list')).toEqual([1]);
      expect(merged(entries, { list: [7] })).toEqual({ list: [7, 1] });
    });

    it('are deleted if the function returns undefined', () => {
      entries.update('visits', () => undefined);
      expect(entries.has('visits')).toBe(false);
      expect(merged(entries, stored)).not.toHaveProperty('visits');
    });

    it('see earlier changes in place', () => {
      (entries.get('cart') as Cart).pears = 1;
      entries.update('cart', (old) => ({ ...(old as Cart), plums: 1 }));
      expect(entries.get('cart')).toEqual({ apples: 2, pears: 1, plums: 1 });
      expect(merged(entries, stored)).toMatchObject({ cart: { apples: 2, pears: 1, plums: 1 } });
    });

    it('may change the old value in place', () => {
      entries.update('cart', (old) => Object.assign(old as Cart, { pears: 1 }));
      expect(entries.get('cart')).toEqual({ apples: 2, pears: 1 });
      expect(merged(entries, { cart: { apples: 9 } })).toEqual({ cart: { apples: 9, pears: 1 } });
    });

    it('keep their values if the function throws', () => {
      const update = (): never => {
        throw new Error('no stock');
      };
      expect(() => entries.update('visits', update)).toThrow('no stock');
      expect(entries.get('visits')).toBe(1);
      expect(entries.hasChanges()).toBe(false);
    });

    it('keep their values if JSON does not keep the new value', () => {
      expect(() => entries.update('visits', () => 1n)).toThrow(SessionValueError);
      expect(entries.get('visits')).toBe(1);
      expect(entries.hasChanges()).toBe(false);
    });

    it('refuse poisoned keys', () => {
      expect(() => entries.update('constructor', () => 1)).toThrow(SessionValueError);
    });
  });

  describe('incremented', () => {
    it('count from 0', () => {
      expect(entries.increment('missing', 5)).toBe(5);
      expect(entries.increment('visits', -3)).toBe(-2);
    });

    it('add to the increments of others', () => {
      entries.increment('visits', 2);
      entries.increment('visits', 3);
      expect(merged(entries, { visits: 100 })).toEqual({ visits: 105 });
    });

    it.each([NaN, Infinity, '1' as unknown as number])('refuse the increment %p', (by) => {
      expect(() => entries.increment('visits', by)).toThrow(SessionValueError);
      expect(entries.get('visits')).toBe(1);
    });

    it.each(['name', 'cart'])('refuse a value that is not a number: %s', (key) => {
      expect(() => entries.increment(key, 1)).toThrow(SessionValueError);
      expect(entries.get(key)).toEqual(stored[key as 'name' | 'cart']);
    });
  });

  describe('of which another request kept some in a new record', () => {
    it('are only those', () => {
      entries.get('cart');
      entries.retain((key) => key === 'name');
      expect([...entries.keys()]).toEqual(['name']);
      expect(entries.get('cart')).toBeUndefined();
      expect(entries.hasChanges()).toBe(false);
      expect(parsed(texts)).toEqual(stored);
    });
  });

  describe('after a commit', () => {
    it('have no changes', () => {
      entries.set('visits', 2);
      entries.takeChanges();
      expect(entries.hasChanges()).toBe(false);
      expect(entries.get('visits')).toBe(2);
    });

    it('that failed keep their earlier changes before later ones', () => {
      entries.increment('visits', 1);
      entries.set('a', 1);
      entries.set('b', 1);
      const failed = entries.takeChanges();
      entries.increment('visits', 1);
      entries.set('a', 2);
      entries.returnChanges(failed);
      expect(merged(entries, { visits: 10 })).toEqual({ visits: 12, a: 2, b: 1 });
    });

    it('that failed stay cleared if they were cleared since', () => {
      entries.set('a', 1);
      const failed = entries.takeChanges();
      entries.clear();
      entries.returnChanges(failed);
      expect(merged(entries, stored)).toEqual({});
    });

    it('do not change the stored snapshot', () => {
      entries.set('visits', 2);
      const snapshot = entries.snapshot();
      entries.set('visits', 3);
      entries.delete('name');
      expect(parsed(snapshot)).toEqual({ ...stored, visits: 2 });
    });
  });

  it('call an updater again in its original async context', () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    storage.run('first', () => entries.update('visits', () => seen.push(storage.getStore())));
    const changes = entries.takeChanges();
    storage.run('second', () => changes.applyTo(textsOf(stored)));
    expect(seen).toEqual(['first', 'first']);
  });
});
