import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import { isSessionId } from '../../src/session/session-id.js';
import {
  SessionConflictError,
  SessionTooLargeError,
  SessionStoreError,
} from '../../src/session/errors.js';
import type { SessionState } from '../../src/session/session-state.js';
import { MAX_ATTEMPTS } from '../../src/session/storage/compare-and-set.js';
import { SessionWorld } from '../support/session-world.js';

describe('sessions', () => {
  let world: SessionWorld;

  beforeEach(() => {
    world = new SessionWorld();
  });

  describe('that are new', () => {
    let state: SessionState;

    beforeEach(() => {
      state = world.repository.begin();
    });

    it('have an id, but no record', () => {
      expect(state).toMatchObject({ status: 'new', isNew: true });
      expect(isSessionId(state.id)).toBe(true);
      expect(world.store.calls).toEqual([]);
    });

    it('are stored with their first entry, by one operation', async () => {
      state.entries.set('visits', 1);
      await world.repository.commit(state);
      expect(state).toMatchObject({ status: 'stored', cookieDirty: true });
      expect(world.store.calls).toEqual(['create']);
      expect(world.entriesOf(state.id)).toEqual({ visits: 1 });
      expect(world.store.lives.get(state.key)).toBe(1200);
    });

    it('are not stored while they are empty', async () => {
      await world.repository.commit(state);
      state.entries.set('a', 1);
      state.entries.delete('a');
      state.entries.clear();
      await world.repository.commit(state);
      expect(state.status).toBe('new');
      expect(world.store.calls).toEqual([]);
    });

    it('get another id if theirs is taken', async () => {
      const { id } = state;
      world.write(state.key, { others: 1 });
      state.entries.set('mine', 1);
      await world.repository.commit(state);
      expect(state.id).not.toBe(id);
      expect(world.entriesOf(state.id)).toEqual({ mine: 1 });
      expect(world.entriesOf(id)).toEqual({ others: 1 });
    });

    it('are given up if every id is taken, as a broken store may say', async () => {
      const create = jest.fn(() => Promise.resolve('taken' as const));
      Object.assign(world.store, { create });
      state.entries.set('mine', 1);
      await expect(world.repository.commit(state)).rejects.toThrow(SessionConflictError);
      expect(create).toHaveBeenCalledTimes(MAX_ATTEMPTS);
      expect(state.status).toBe('new');
    });

    it('stay new if they could not be stored, and can be stored later', async () => {
      state.entries.set('visits', 1);
      world.store.isDown = true;
      await expect(world.repository.commit(state)).rejects.toThrow(SessionStoreError);
      expect(state).toMatchObject({ status: 'new' });

      world.store.isDown = false;
      await world.repository.commit(state);
      expect(world.entriesOf(state.id)).toEqual({ visits: 1 });
    });

    it('are not sent to the store if they are too large', async () => {
      state.entries.set('big', 'x'.repeat(1_000_001));
      await expect(world.repository.commit(state)).rejects.toThrow(SessionTooLargeError);
      expect(world.store.calls).toEqual([]);
    });
  });

  describe('found', () => {
    it('have their entries, by one operation', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.calls.length = 0;
      const state = await world.found(id);
      expect(state).toMatchObject({ status: 'stored', isNew: false, cookieDirty: false, id });
      expect(state.entries.get('visits')).toBe(1);
      expect(world.store.calls).toEqual(['find']);
    });

    it('write nothing without changes', async () => {
      const state = await world.found(await world.stored());
      world.store.calls.length = 0;
      state.entries.get('visits');
      await world.repository.commit(state);
      expect(world.store.calls).toEqual([]);
    });

    it('write once with changes', async () => {
      const state = await world.found(await world.stored());
      world.store.calls.length = 0;
      state.entries.increment('visits', 1);
      await world.repository.commit(state);
      expect(world.store.calls).toEqual(['update']);
      expect(state.cookieDirty).toBe(false);
    });

    it('must exist', async () => {
      expect(await world.find('A'.repeat(43))).toBeUndefined();
    });

    it('must be readable; otherwise a warning is logged, without the key', async () => {
      const id = await world.stored();
      world.store.put(world.keyOf(id), 'garbage');
      expect(await world.find(id)).toBeUndefined();
      expect(world.warnings).toEqual([expect.stringContaining('could not be read')]);
      expect(world.warnings.join()).not.toContain(world.keyOf(id));
    });

    it('must be stored under their own key', async () => {
      const [mine, yours] = [await world.stored({ admin: true }), await world.stored()];
      world.store.put(world.keyOf(yours), world.store.text(world.keyOf(mine))!);
      expect(await world.find(yours)).toBeUndefined();
    });

    it('fail with the store: an error is not reported as missing', async () => {
      const id = await world.stored();
      world.store.isDown = true;
      await expect(world.find(id)).rejects.toThrow(SessionStoreError);
    });
  });

  describe('committed', () => {
    it('by two requests keep the changes of both', async () => {
      const id = await world.stored({ visits: 1 });
      const [one, other] = [await world.found(id), await world.found(id)];
      one.entries.set('one', 1);
      one.entries.increment('visits', 1);
      other.entries.set('other', 2);
      other.entries.increment('visits', 1);
      await world.repository.commit(one);
      await world.anotherProcess().commit(other);
      expect(world.entriesOf(id)).toEqual({ visits: 3, one: 1, other: 2 });
    });

    it('twice by one request keep both changes', async () => {
      const id = await world.stored({});
      const state = world.repository.begin();
      state.entries.set('a', 1);
      await world.repository.commit(state);
      state.entries.set('b', 2);
      await world.repository.commit(state);
      expect(world.entriesOf(state.id)).toEqual({ a: 1, b: 2 });
      expect(world.entriesOf(id)).toBeUndefined();
    });

    it('with an error keep their changes, to be stored later', async () => {
      const id = await world.stored({ visits: 1 });
      const state = await world.found(id);
      state.entries.increment('visits', 1);
      world.store.isDown = true;
      await expect(world.repository.commit(state)).rejects.toThrow(SessionStoreError);
      world.store.isDown = false;
      state.entries.increment('visits', 1);
      await world.repository.commit(state);
      expect(world.entriesOf(id)).toEqual({ visits: 3 });
    });

    it('after another request destroyed them have ended, and stay so', async () => {
      const id = await world.stored();
      const state = await world.found(id);
      await world.repository.destroy(await world.found(id));
      state.entries.set('a', 1);
      await world.repository.commit(state);
      expect(state).toMatchObject({ status: 'gone', cookieDirty: false });
      expect(state.entries.onlyTakesAway).toBe(false);
      state.entries.set('b', 1);
      expect(world.repository.hasChanges(state)).toBe(false);
      await world.repository.commit(state);
      expect(world.store.keys).toEqual([]);
    });
  });

  describe('with an absolute deadline', () => {
    it('end at it, however much they are used', async () => {
      const id = await world.stored();
      world.clock.pass(86_399);
      expect(await world.find(id)).toBeDefined();
      world.clock.pass(1);
      expect(await world.find(id)).toBeUndefined();
      world.clock.pass(3599);
      expect(await world.find(id)).toBeUndefined();
      expect(world.store.keys).toHaveLength(1);
      world.clock.pass(1);
      expect(await world.find(id)).toBeUndefined();
      expect(world.store.keys).toEqual([]);
    });

    it('are stored for no longer than until it', async () => {
      const state = await world.found(await world.stored());
      expect(state.expiresAt).toBe(world.clock.now() + 1_200_000);
      world.clock.pass(86_000);
      const later = await world.found(state.id);
      expect(later.expiresAt).toBe(state.createdAt + 86_400_000);
      later.entries.set('a', 1);
      await world.repository.commit(later);
      expect(world.store.lives.get(state.key)).toBe(400);
    });

    it('keep their age under a new id', async () => {
      const state = await world.found(await world.stored());
      world.clock.pass(86_000);
      await world.repository.regenerate(state);
      const { createdAt } = await world.found(state.id);
      expect(createdAt).toBe(world.clock.now() - 86_000_000);
      expect(world.store.lives.get(state.key)).toBe(400);
      world.clock.pass(400);
      expect(await world.find(state.id)).toBeUndefined();
    });

    it('are invalid if they began in the far future', async () => {
      const id = await world.stored();
      const key = world.keyOf(id);
      world.write(key, { a: 1 }, { createdAt: world.clock.now() + 86_400_001 });
      expect(await world.find(id)).toBeUndefined();
      world.write(key, { a: 1 }, { createdAt: world.clock.now() + 60_000 });
      expect(await world.find(id)).toBeDefined();
    });
  });

  it('without an absolute deadline live on', async () => {
    world = new SessionWorld({ absoluteTimeout: false });
    const id = await world.stored();
    world.clock.pass(365 * 86_400);
    expect((await world.found(id)).expiresAt).toBe(world.clock.now() + 1_200_000);
  });

  describe('with a persistent cookie', () => {
    beforeEach(() => {
      world = new SessionWorld({ persistentCookie: true });
    });

    it('send it again when a third of its life is over', async () => {
      const id = await world.stored();
      world.clock.pass(399);
      const early = await world.found(id);
      expect(world.repository.hasChanges(early, true)).toBe(false);
      world.clock.pass(1);
      const due = await world.found(id);
      expect(world.repository.hasChanges(due, true)).toBe(true);
      await world.repository.commit(due, true);
      expect(due.cookieDirty).toBe(true);
      expect(world.repository.hasChanges(due, true)).toBe(false);
    });

    it('send it with the next response that can carry it', async () => {
      const id = await world.stored();
      world.clock.pass(600);
      const state = await world.found(id);
      expect(world.repository.hasChanges(state)).toBe(false);
      state.entries.set('a', 1);
      await world.repository.commit(state);
      expect(state.cookieDirty).toBe(false);
      expect(world.repository.hasChanges(state, true)).toBe(true);
    });

    it('send it again if the last time is in the future, as a clock was set back', async () => {
      const id = await world.stored();
      world.clock.pass(-30);
      expect(world.repository.hasChanges(await world.found(id), true)).toBe(false);
      world.clock.pass(-60);
      expect(world.repository.hasChanges(await world.found(id), true)).toBe(true);
    });

    it('send it again once, not at each later request', async () => {
      const id = await world.stored();
      world.clock.pass(600);
      await world.repository.commit(await world.found(id), true);
      const next = await world.found(id);
      expect(world.repository.hasChanges(next, true)).toBe(false);
      expect(next.cookieDirty).toBe(false);
    });

    it('do not send it if its time could not be stored', async () => {
      const id = await world.stored();
      world.clock.pass(600);
      const state = await world.found(id);
      world.store.isDown = true;
      await expect(world.repository.commit(state, true)).rejects.toThrow(SessionStoreError);
      expect(state.cookieDirty).toBe(false);
    });

    it('do not send it if another request gave them a new id', async () => {
      const id = await world.stored();
      world.clock.pass(600);
      const state = await world.found(id);
      await world.repository.regenerate(await world.found(id));
      await world.repository.commit(state, true);
      expect(state.cookieDirty).toBe(false);
      expect(state.id).toBe(id);
    });
  });

  it('without a persistent cookie send their id once', async () => {
    const id = await world.stored();
    world.clock.pass(80_000);
    expect(world.repository.hasChanges(await world.found(id))).toBe(false);
  });

  describe('destroyed', () => {
    it('are gone, by one operation', async () => {
      const id = await world.stored();
      const state = await world.found(id);
      world.store.calls.length = 0;
      await world.repository.destroy(state);
      expect(state.status).toBe('destroyed');
      expect(world.store.keys).toEqual([]);
      expect(world.store.calls).toEqual(['remove']);
    });

    it('are gone also if another request changed them meanwhile', async () => {
      const id = await world.stored();
      const state = await world.found(id);
      world.store.before('remove', () => world.write(state.key, { visits: 2 }));
      await world.repository.destroy(state);
      expect(world.store.keys).toEqual([]);
    });

    it('are gone also under a new id', async () => {
      const id = await world.stored();
      const state = await world.found(id);
      const mover = await world.found(id);
      await world.repository.regenerate(mover);
      await world.repository.regenerate(await world.found(mover.id));
      await world.repository.destroy(state);
      expect(world.entriesOf(id)).toBeUndefined();
      expect(world.entriesOf(mover.id)).toBeUndefined();
    });

    it('before they are stored need no operation', async () => {
      const state = world.repository.begin();
      await world.repository.destroy(state);
      expect(state.status).toBe('destroyed');
      expect(world.store.calls).toEqual([]);
    });

    it('twice, by two requests, are gone', async () => {
      const id = await world.stored();
      const [one, other] = [await world.found(id), await world.found(id)];
      await world.repository.destroy(one);
      await world.repository.destroy(other);
      expect(other.status).toBe('destroyed');
    });

    it('are not gone if the store fails', async () => {
      const id = await world.stored();
      const state = await world.found(id);
      world.store.isDown = true;
      await expect(world.repository.destroy(state)).rejects.toThrow(SessionStoreError);
      expect(state.status).toBe('stored');
      world.store.isDown = false;
      await world.repository.destroy(state);
      expect(world.store.keys).toEqual([]);
    });
  });
});
