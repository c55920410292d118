import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import { createVerified } from '../../../src/session/rotation/regeneration.js';
import { newSessionId } from '../../../src/session/session-id.js';
import { SessionRepository } from '../../../src/session/repository.js';
import type { SessionState } from '../../../src/session/session-state.js';
import {
  SessionConflictError,
  SessionDestroyedError,
  SessionStoreError,
} from '../../../src/session/errors.js';
import { SessionWorld } from '../../support/session-world.js';

describe('a session given a new id', () => {
  const entries = { user: 7, cart: { apples: 2 }, csrf: 'x' };
  let world: SessionWorld;
  let oldId: string;
  let state: SessionState;

  beforeEach(async () => {
    world = new SessionWorld();
    oldId = await world.stored(entries);
    state = await world.found(oldId);
    world.store.calls.length = 0;
  });

  const regenerate = (keep?: boolean | string[]): Promise<void> =>
    world.repository.regenerate(state, keep);

  /** The keys under which there is a session, not a forwarder. */
  const sessionKeys = (): string[] =>
    world.store.keys.filter((key) => !('forwardTo' in (world.recordAt(key) ?? {})));

  it('is found by it, and not by the old id', async () => {
    await regenerate();
    expect(state).toMatchObject({ status: 'stored', cookieDirty: true });
    expect(state.id).not.toBe(oldId);
    expect((await world.found(state.id)).entries.get('user')).toBe(7);
    expect(await world.find(oldId)).toBeUndefined();
  });

  it('is moved by two operations: the new record first', async () => {
    await regenerate();
    expect(world.store.calls).toEqual(['create', 'update']);
  });

  it('is read again without being renewed, which is a write in some stores', async () => {
    const find = jest.spyOn(world.store, 'find');
    world.store.before('update', () => world.write(state.key, entries));
    await regenerate();
    expect(find.mock.calls.map(([, renewTo]) => renewTo)).toEqual([0, 0]);
    const late = await world.found(state.id);
    world.write(late.key, entries);
    find.mockClear();
    await world.repository.destroy(late);
    expect(find.mock.calls).toEqual([[late.key, 0]]);
  });

  it('leaves a forwarder for a short time', async () => {
    await regenerate();
    expect(world.recordAt(world.keyOf(oldId))).toEqual({
      forwardTo: state.key,
      until: world.clock.now() + 300_000,
    });
    expect(world.store.lives.get(world.keyOf(oldId))).toBe(300);
  });

  it('keeps the time of its beginning', async () => {
    const { createdAt } = state;
    world.clock.pass(500);
    await regenerate();
    expect((await world.found(state.id)).createdAt).toBe(createdAt);
  });

  describe('keeps', () => {
    it.each<[string, boolean | string[] | undefined, unknown]>([
      ['all entries if nothing is said', undefined, { ...entries, fresh: 1 }],
      ['all entries by true', true, { ...entries, fresh: 1 }],
      ['none by false', false, {}],
      ['those named', ['cart', 'missing'], { cart: { apples: 2 } }],
      ['none by an empty list', [], {}],
      ['what was changed in the same request', ['fresh'], { fresh: 1 }],
    ])('%s', async (_what, keep, kept) => {
      state.entries.set('fresh', 1);
      await regenerate(keep);
      expect(world.entriesAt(state.key)).toEqual(kept);
      expect(
        Object.fromEntries([...state.entries.keys()].map((k) => [k, state.entries.get(k)])),
      ).toEqual(kept);
    });

    it('what is written to it afterwards', async () => {
      await regenerate(false);
      state.entries.set('user', 8);
      await world.repository.commit(state);
      expect(world.entriesAt(state.key)).toEqual({ user: 8 });
    });

    it('changes in place made before', async () => {
      Object.assign(state.entries.get('cart') as object, { pears: 1 });
      await regenerate();
      expect(world.entriesAt(state.key)).toMatchObject({ cart: { apples: 2, pears: 1 } });
    });

    it('changes in place made afterwards', async () => {
      const cart = state.entries.get('cart') as object;
      await regenerate(['cart']);
      Object.assign(cart, { pears: 1 });
      await world.repository.commit(state);
      expect(world.entriesAt(state.key)).toEqual({ cart: { apples: 2, pears: 1 } });
    });
  });

  it('before it is stored has another id, and no record', async () => {
    const fresh = world.repository.begin();
    const { id } = fresh;
    fresh.entries.set('a', 1);
    fresh.entries.set('b', 1);
    await world.repository.regenerate(fresh, ['b']);
    expect(fresh.id).not.toBe(id);
    expect(world.store.calls).toEqual([]);
    await world.repository.commit(fresh);
    expect(world.entriesOf(fresh.id)).toEqual({ b: 1 });
  });

  describe('while requests that have read it are in flight', () => {
    it('accepts their changes', async () => {
      const other = await world.found(oldId);
      await regenerate();
      other.entries.set('late', 1);
      await world.anotherProcess().commit(other);
      expect(world.entriesAt(state.key)).toEqual({ ...entries, late: 1 });
    });

    it.each([
      ['ahead', 3_590_000],
      ['behind', -3_590_000],
    ])('accepts their changes from a process whose clock is an hour %s', async (_where, ahead) => {
      const policy = { ...world.policy, now: () => world.clock.now() + ahead };
      const elsewhere = new SessionRepository(world.store, policy);
      const other = (await elsewhere.find({ id: oldId, secret: 0 }))!;
      await regenerate();
      other.entries.set('late', 1);
      await elsewhere.commit(other);
      expect(world.entriesAt(state.key)).toEqual({ ...entries, late: 1 });
    });

    it('does not send them its new id', async () => {
      const other = await world.found(oldId);
      await regenerate();
      other.entries.set('late', 1);
      await world.repository.commit(other);
      expect(other).toMatchObject({ id: oldId, cookieDirty: false, status: 'stored' });
    });

    it('has the changes they stored before the move', async () => {
      const other = await world.found(oldId);
      other.entries.set('early', 1);
      world.store.before('update', () => world.write(state.key, { ...entries, early: 1 }));
      await regenerate();
      expect(world.entriesAt(state.key)).toEqual({ ...entries, early: 1 });
      expect(sessionKeys()).toEqual([state.key]);
    });

    it('applies its own changes to the newest values', async () => {
      state.entries.set('visits', 1);
      state.entries.increment('visits', 1);
      state.entries.increment('user', 1);
      world.store.before('update', () => world.write(state.key, { user: 100 }));
      await regenerate();
      expect(world.entriesAt(state.key)).toEqual({ user: 101, visits: 2 });
    });

    it('keeps only the given entries of their changes', async () => {
      world.store.before('update', () => world.write(state.key, { user: 1, cart: {} }));
      await regenerate(['cart']);
      expect(world.entriesAt(state.key)).toEqual({ cart: {} });
    });
  });

  describe('while another request does the same', () => {
    let winner: SessionState;

    beforeEach(async () => {
      winner = await world.found(oldId);
      await world.repository.regenerate(winner);
    });

    it("becomes a branch of what it has read: neither client learns the other's id", async () => {
      winner.entries.set('first', 1);
      await world.repository.commit(winner);
      state.entries.set('second', 1);
      await regenerate();
      expect(state).toMatchObject({ cookieDirty: true, status: 'stored' });
      expect([oldId, winner.id]).not.toContain(state.id);
      expect(world.entriesAt(state.key)).toEqual({ ...entries, second: 1 });
      expect(world.entriesAt(winner.key)).toEqual({ ...entries, first: 1 });
      expect(await world.find(oldId)).toBeUndefined();
    });

    it('becomes a branch also if it stored changes under the other id', async () => {
      state.entries.set('early', 1);
      await world.repository.commit(state);
      await regenerate();
      state.entries.set('late', 1);
      await world.repository.commit(state);
      expect(world.entriesAt(winner.key)).toEqual({ ...entries, early: 1 });
      expect(world.entriesAt(state.key)).toEqual({ ...entries, early: 1, late: 1 });
    });

    it('becomes two sessions when both run at once', async () => {
      const id = await world.stored(entries);
      const [one, other] = [await world.found(id), await world.found(id)];
      await Promise.all([
        world.repository.regenerate(one),
        world.anotherProcess().regenerate(other),
      ]);
      expect(one.id).not.toBe(other.id);
      for (const { id: told } of [one, other]) expect(world.entriesOf(told)).toEqual(entries);
    });

    it.each<[string, () => Promise<void>]>([
      ['the other one was ended', () => world.repository.destroy(winner)],
      [
        'the other one was ended under another id',
        async () => {
          await world.repository.regenerate(winner, false);
          await world.repository.destroy(winner);
        },
      ],
    ])('has ended if %s', async (_how, end) => {
      await end();
      await expect(regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(sessionKeys()).toEqual([]);
    });
  });

  describe('requested with the id from before a scheduled one', () => {
    it('has ended if the session was destroyed since', async () => {
      world = new SessionWorld({ rotateEvery: 600 });
      const id = await world.stored(entries);
      world.clock.pass(600);
      await world.repository.commit(await world.found(id), true);
      const late = await world.found(id);
      await world.repository.destroy(await world.found(id));
      await expect(world.repository.regenerate(late)).rejects.toThrow(SessionDestroyedError);
      expect(sessionKeys()).toEqual([]);
    });
  });

  describe('while it is destroyed', () => {
    it('is gone, and leaves no record', async () => {
      world.store.before('update', () => world.store.drop(state.key));
      await expect(regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(state.status).toBe('gone');
      expect(world.store.keys).toEqual([]);
    });

    it('has ended if the destroy came first', async () => {
      await world.repository.destroy(await world.found(oldId));
      await expect(regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(world.store.keys).toEqual([]);
    });

    it('has ended if this request destroyed it', async () => {
      await world.repository.destroy(state);
      await expect(regenerate()).rejects.toThrow(SessionDestroyedError);
    });
  });

  it('gets another id if the first is taken', async () => {
    world.store.before('create', (key) => world.write(key, { others: 1 }));
    await regenerate();
    expect(world.entriesAt(state.key)).toEqual(entries);
    expect(world.store.count('create')).toBe(2);
  });

  it('gives up after 50 attempts, unchanged', async () => {
    const interrupt = (): void => {
      world.store.before('update', interrupt);
      world.write(world.keyOf(oldId), { user: 9 });
    };
    interrupt();
    state.entries.set('mine', 1);
    await expect(regenerate()).rejects.toThrow(SessionConflictError);
    expect(state).toMatchObject({ id: oldId, status: 'stored', cookieDirty: false });
    expect(world.repository.hasChanges(state)).toBe(true);
    expect(world.store.keys).toEqual([world.keyOf(oldId)]);
  });

  it.each(['create', 'update'] as const)(
    'stays unchanged if the store fails at %s',
    async (step) => {
      state.entries.set('mine', 1);
      world.store.before(step, () => (world.store.isDown = true));
      await expect(regenerate()).rejects.toThrow(SessionStoreError);
      expect(state).toMatchObject({ id: oldId, status: 'stored', cookieDirty: false });

      world.store.isDown = false;
      await world.repository.commit(state);
      expect(world.entriesOf(oldId)).toEqual({ ...entries, mine: 1 });
    },
  );

  it('is not moved by a late write after the attempt failed, and leaves no record', async () => {
    const update = world.store.update.bind(world.store);
    let late: () => Promise<string> = () => Promise.reject(new Error('no update'));
    world.store.update = (...args) => {
      world.store.update = update;
      late = () => update(...args);
      return Promise.reject(new SessionStoreError());
    };
    await expect(regenerate()).rejects.toThrow(SessionStoreError);
    expect(await late()).toBe('changed');
    expect((await world.found(oldId)).entries.get('user')).toBe(7);
    expect(world.store.keys).toEqual([world.keyOf(oldId)]);
  });

  it("is moved although the store's answer was lost", async () => {
    world.store.losesAnswer = true;
    await regenerate();
    expect(state).toMatchObject({ status: 'stored', cookieDirty: true });
    expect(world.entriesAt(state.key)).toEqual(entries);
    expect(sessionKeys()).toEqual([state.key]);
  });

  it('is not found by the old id after 300 seconds, however often it is used', async () => {
    await regenerate();
    world.clock.pass(299);
    expect(await world.find(oldId)).toBeUndefined();
    expect(world.store.keys).toContain(world.keyOf(oldId));
    world.clock.pass(1 + 3600);
    expect(await world.find(oldId)).toBeUndefined();
    expect(world.store.keys).toEqual([state.key]);
  });

  it('is in the store at every moment', async () => {
    const seen: unknown[] = [];
    for (const step of ['create', 'update'] as const) {
      world.store.before(step, () => seen.push(world.entriesOf(oldId)));
    }
    await regenerate();
    seen.push(world.entriesOf(oldId));
    expect(seen).toEqual([entries, entries, entries]);
  });
});

describe('a record that is created with a verified answer', () => {
  const entries = { visits: 1 };

  it.each([
    ['closed, if nothing is found under its key: another process was looking there', 'closed'],
    ['taken, if another session is there', 'taken'],
  ])('finds its key %s', async (_what, answer) => {
    const world = new SessionWorld();
    const state = await world.found(await world.stored(entries));
    const { records } = world;
    jest.spyOn(records, 'create').mockResolvedValue('taken');
    const key = answer === 'taken' ? state.key : world.keyOf(newSessionId());
    expect(await createVerified(records, key, state.toRecord())).toBe(answer);
  });
});
