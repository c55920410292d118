import { format, inspect } from 'node:util';

import { beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionLifecycle } from '../../src/session/session-lifecycle.js';
import { createSession } from '../../src/session/session-proxy.js';
import type { SessionState } from '../../src/session/session-state.js';
import type { Session } from '../../src/session/session.js';
import { SessionDestroyedError, SessionValueError } from '../../src/session/errors.js';
import { SessionWorld } from '../support/session-world.js';

interface Shop {
  visits: number;
  cart: { apples: number; pears?: number };
  name: string;
  note: string;
}

const MEMBERS = [
  ...['id', 'isNew', 'createdAt', 'expiresAt', 'size', 'get', 'set', 'has', 'delete', 'clear'],
  ...['pull', 'keys', 'values', 'entries', 'toJSON', 'update', 'increment', 'save', 'regenerate'],
  ...['destroy', 'flash', 'userId', 'signIn', 'signOut'],
];
const OF_EVERY_OBJECT = ['toString', 'hasOwnProperty', 'valueOf', 'isPrototypeOf', 'then'];
const RESERVED = [...MEMBERS, ...OF_EVERY_OBJECT];
const POISONED = ['__proto__', 'constructor', 'prototype'];

describe('a session', () => {
  const stored = { visits: 1, cart: { apples: 2 }, name: 'Zoë' };
  let world: SessionWorld;
  let state: SessionState;
  let session: Session<Shop>;
  let called: unknown[];

  beforeEach(async () => {
    world = new SessionWorld();
    state = await world.found(await world.stored(stored));
    called = [];
    const lifecycle: SessionLifecycle = {
      save: async () => void called.push('save'),
      regenerate: async (options) => {
        called.push(['regenerate', options]);
        return session;
      },
      destroy: async () => void called.push('destroy'),
      signIn: async (userId, options) => {
        called.push(['signIn', userId, options]);
        return session;
      },
      signOut: async (options) => {
        called.push(['signOut', options]);
        return session;
      },
      takeFlash: async (name) => void called.push(['takeFlash', name]),
      confirmSignIn: async () => {
        called.push('confirmSignIn');
        return session;
      },
      setLifetime: (seconds) => void called.push(['setLifetime', seconds]),
      setPersist: (persist) => void called.push(['setPersist', persist]),
      reload: async () => void called.push('reload'),
    };
    session = createSession(state, lifecycle);
  });

  /** The session as what the types forbid is written to it. */
  const loose = (): Record<string, unknown> => session;

  describe('its properties', () => {
    it('are the id, whether it is new, its times and its size', () => {
      expect(session.id).toBe(state.id);
      expect(session.isNew).toBe(false);
      expect(session.createdAt).toEqual(new Date(world.clock.now()));
      expect(session.expiresAt).toEqual(new Date(world.clock.now() + 1_200_000));
      expect(session.size).toBe(3);
    });

    it.each(['id', 'isNew', 'createdAt', 'expiresAt', 'size'])('%s cannot be assigned', (name) => {
      const before = loose()[name];
      expect(() => (loose()[name] = 'mine')).toThrow(SessionValueError);
      expect(loose()[name]).toEqual(before);
    });

    it('its times cannot be changed through the Date objects', () => {
      session.createdAt.setFullYear(1999);
      expect(session.createdAt).toEqual(new Date(world.clock.now()));
    });
  });

  describe('by method', () => {
    it('gets, sets, has and deletes', () => {
      expect(session.get('visits')).toBe(1);
      expect(session.set('visits', 2).set('note', 'a')).toBe(session);
      expect(session.get('visits')).toBe(2);
      expect(session.has('note')).toBe(true);
      expect(session.delete('note')).toBe(true);
      expect(session.delete('note')).toBe(false);
      expect(session.has('note')).toBe(false);
    });

    it('deletes what is set to undefined', () => {
      session.set('name', undefined);
      expect(session.has('name')).toBe(false);
    });

    it('clears', () => {
      session.clear();
      expect(session.size).toBe(0);
    });

    it('pulls', () => {
      expect(session.pull('cart')).toEqual({ apples: 2 });
      expect(session.pull('cart')).toBeUndefined();
      expect(session.has('cart')).toBe(false);
    });

    it('updates and increments', () => {
      expect(session.update('name', (old) => `${old}!`)).toBe(session);
      expect(session.name).toBe('Zoë!');
      expect(session.increment('visits')).toBe(2);
      expect(session.increment('visits', 5)).toBe(7);
    });

    it('lists keys, values and entries', () => {
      expect([...session.keys()]).toEqual(['visits', 'cart', 'name']);
      expect([...session.values()]).toEqual([1, { apples: 2 }, 'Zoë']);
      expect([...session.entries()]).toEqual(Object.entries(stored));
    });

    it('detects changes in a listed object', () => {
      for (const value of session.values()) {
        if (typeof value === 'object') Object.assign(value as object, { pears: 1 });
      }
      expect(world.repository.hasChanges(state)).toBe(true);
    });

    it('lets entries be changed while they are listed', () => {
      for (const [key] of session) session.delete(key);
      expect(session.size).toBe(0);
    });

    it('saves, regenerates and destroys through its request', async () => {
      await session.save();
      expect(await session.regenerate({ keep: ['name'] })).toBe(session);
      await session.destroy();
      expect(called).toEqual(['save', ['regenerate', { keep: ['name'] }], 'destroy']);
    });
  });

  describe('by property', () => {
    it('reads and writes', () => {
      session.visits = (session.visits ?? 0) + 1;
      session.note = 'new';
      expect(session.visits).toBe(2);
      expect(session.get('note')).toBe('new');
      expect(loose().missing).toBeUndefined();
    });

    it('writes within an object that was read', () => {
      session.cart!.pears = 1;
      expect(world.repository.hasChanges(state)).toBe(true);
      expect(session.get('cart')).toEqual({ apples: 2, pears: 1 });
    });

    it('has and deletes', () => {
      expect('visits' in session).toBe(true);
      expect('missing' in session).toBe(false);
      delete session.visits;
      expect('visits' in session).toBe(false);
      expect(delete loose().missing).toBe(true);
    });

    it('deletes what is set to undefined', () => {
      loose().name = undefined;
      expect('name' in session).toBe(false);
    });

    it('lists, spreads, merges, destructures and iterates', () => {
      expect(Object.keys(session)).toEqual(['visits', 'cart', 'name']);
      expect(Object.entries(session)).toEqual(Object.entries(stored));
      expect({ ...session }).toEqual(stored);
      const { visits, ...others } = session;
      expect([visits, others]).toEqual([1, { cart: { apples: 2 }, name: 'Zoë' }]);
      expect([...session]).toEqual(Object.entries(stored));
      const seen: string[] = [];
      for (const name in session) seen.push(name);
      expect(seen).toEqual(['visits', 'cart', 'name']);
      Object.assign(session, { visits: 5, note: 'n' });
      expect(session.toJSON()).toEqual({ ...stored, visits: 5, note: 'n' });
      expect(Object.hasOwn(session, 'visits')).toBe(true);
      expect(Object.hasOwn(session, 'id')).toBe(false);
    });

    it('defines a value, and no accessor', () => {
      Object.defineProperty(session, 'note', { value: 'n' });
      expect(session.note).toBe('n');
      const accessor = { get: () => 1, configurable: true };
      expect(() => Object.defineProperty(session, 'note', accessor)).toThrow(SessionValueError);
    });

    it('cannot be extended by attributes or frozen', () => {
      expect(() => Object.freeze(session)).toThrow(TypeError);
      expect(() => Object.setPrototypeOf(session, { admin: true })).toThrow(TypeError);
      expect(Object.isExtensible(session)).toBe(true);
    });

    it('refuses symbols', () => {
      expect(() => Object.assign(session, { [Symbol('s')]: 1 })).toThrow(SessionValueError);
    });
  });

  describe.each(RESERVED)('the reserved name %s', (name) => {
    it('is refused by property, with the remedy', () => {
      expect(() => (loose()[name] = 1)).toThrow(SessionValueError);
      expect(() => (loose()[name] = 1)).toThrow(`set('${name}'`);
      expect(() => delete loose()[name]).toThrow(SessionValueError);
      expect(() => Object.defineProperty(session, name, { value: 1 })).toThrow(SessionValueError);
      expect(session.toJSON()).toEqual(stored);
    });

    it('is an entry by method, and does not hide the member', () => {
      const member = loose()[name];
      const dictionary = session as unknown as Session<Record<string, unknown>>;
      dictionary.set(name, 'mine');
      expect(dictionary.get(name)).toBe('mine');
      expect(dictionary.has(name)).toBe(true);
      if (name !== 'size') expect(loose()[name]).toEqual(member);
      expect(Object.keys(session)).not.toContain(name);
      expect(JSON.parse(JSON.stringify(session))).toHaveProperty(name, 'mine');
      expect(dictionary.delete(name)).toBe(true);
    });
  });

  it('names signIn() in the error of an assignment to the user', () => {
    expect(() => (loose().userId = 5)).toThrow('sign in with await session.signIn(userId)');
  });

  it.each(['id', 'get', 'toString'])('%s is a member of it', (name) => {
    expect(name in session).toBe(true);
  });

  it.each(POISONED)('%s is refused by property and by method', (name) => {
    const dictionary = session as unknown as Session<Record<string, unknown>>;
    const value = JSON.parse('{"admin":true}') as unknown;
    expect(() => (loose()[name] = value)).toThrow(SessionValueError);
    expect(() => dictionary.set(name, value)).toThrow(SessionValueError);
    expect(() => dictionary.update(name, () => value)).toThrow(SessionValueError);
    expect('admin' in {}).toBe(false);
    expect(loose().admin).toBeUndefined();
  });

  describe('when awaited', () => {
    it('is itself', async () => {
      expect(loose().then).toBeUndefined();
      expect(await session).toBe(session); // eslint-disable-line @typescript-eslint/await-thenable
      expect(await Promise.resolve(session)).toBe(session);
    });
  });

  describe('when printed', () => {
    it.each<[string, (value: unknown) => string]>([
      ['inspect', (value) => inspect(value)],
      ['inspect, with all it can', (value) => inspect(value, ALL)],
      ['inspect, without ours', (value) => inspect(value, { ...ALL, customInspect: false })],
      ['inspect, within another object', (value) => inspect({ a: [{ value }] }, ALL)],
      ['%s', (value) => format('%s', value)],
      ['%o', (value) => format('%o', value)],
      ['%O', (value) => format('%O', value)],
      ['%j', (value) => format('%j', value)],
      ['JSON.stringify', (value) => JSON.stringify(value)],
      ['String', (value) => String(value)],
      ['JSON.stringify of a copy', (value) => JSON.stringify({ ...(value as object) })],
    ])('by %s never shows its id or its key', (_way, show) => {
      session.get('cart');
      const text = show(session);
      expect(text).not.toContain(state.id);
      expect(text).not.toContain(state.key);
    });

    it('by inspect shows its entries', () => {
      expect(inspect(session)).toBe("Session { visits: 1, cart: { apples: 2 }, name: 'Zoë' }");
    });

    it('as JSON is its entries', () => {
      expect(JSON.parse(JSON.stringify(session))).toEqual(stored);
    });
  });

  describe('destroyed', () => {
    const writes: [string, () => unknown][] = [
      ['set', () => session.set('visits', 1)],
      ['set to undefined', () => session.set('visits', undefined)],
      ['a property', () => (session.visits = 1)],
      ['delete', () => session.delete('visits')],
      ['delete of a property', () => delete session.visits],
      ['clear', () => session.clear()],
      ['pull', () => session.pull('visits')],
      ['update', () => session.update('visits', () => 1)],
      ['increment', () => session.increment('visits')],
      ['Object.assign', () => Object.assign(session, { visits: 1 })],
    ];

    beforeEach(() => world.repository.destroy(state));

    it.each(writes)('refuses %s', (_way, write) => {
      expect(write).toThrow(SessionDestroyedError);
    });

    it('is empty', () => {
      expect(session.visits).toBeUndefined();
      expect(session.size).toBe(0);
      expect({ ...session }).toEqual({});
    });
  });
});

const ALL = { depth: null, showHidden: true, showProxy: true };
