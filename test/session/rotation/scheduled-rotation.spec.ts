import { beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionState } from '../../../src/session/session-state.js';
import { isSessionId } from '../../../src/session/session-id.js';
import { SessionWorld } from '../../support/session-world.js';

const EVERY = 600;
const GRACE = 10;

describe('a session whose id is renewed by the time', () => {
  let world: SessionWorld;
  let oldId: string;

  beforeEach(async () => {
    world = new SessionWorld({ rotateEvery: EVERY, rotateGrace: GRACE });
    oldId = await world.stored({ user: 7 });
    world.clock.pass(EVERY);
    world.store.calls.length = 0;
  });

  /** The session as it is when its request has been answered. */
  const answered = async (id: string, work: (state: SessionState) => void = () => undefined) => {
    const state = await world.found(id);
    work(state);
    await world.repository.commit(state, true);
    return state;
  };

  /** The keys under which there is a session, not a forwarder. */
  const sessionKeys = (): string[] =>
    world.store.keys.filter((key) => !('forwardTo' in (world.recordAt(key) ?? {})));

  it('is told a new one, with all entries and the time it began', async () => {
    const { createdAt } = await world.found(oldId);
    const state = await answered(oldId);
    expect(state).toMatchObject({ status: 'stored', cookieDirty: true });
    expect(state.id).not.toBe(oldId);
    expect(isSessionId(state.id)).toBe(true);
    const renewed = await world.found(state.id);
    expect(renewed.entries.get('user')).toBe(7);
    expect(renewed.createdAt).toBe(createdAt);
  });

  it('is stored with what its request changed', async () => {
    const state = await answered(oldId, ({ entries }) => entries.set('user', 8));
    expect(world.entriesOf(state.id)).toEqual({ user: 8 });
    expect(world.store.calls).toEqual(['find', 'create', 'update']);
  });

  it('is not renewed before it is time, nor again at once', async () => {
    const { id } = await answered(oldId);
    world.clock.pass(EVERY - 1);
    expect((await answered(id)).id).toBe(id);
    world.clock.pass(1);
    expect((await answered(id)).id).not.toBe(id);
  });

  it('is not renewed by a save, which has no response to tell it', async () => {
    const state = await world.found(oldId);
    await world.repository.commit(state);
    expect(state.id).toBe(oldId);
    expect(world.store.calls).toEqual(['find']);
  });

  it('has one successor, though twenty requests come at once', async () => {
    const states = await Promise.all(Array.from({ length: 20 }, () => world.found(oldId)));
    await Promise.all(states.map((state) => world.repository.commit(state, true)));
    expect(sessionKeys()).toHaveLength(1);
    expect(states.filter(({ cookieDirty }) => cookieDirty)).toHaveLength(1);
  });

  it('has one successor, though two processes try at once', async () => {
    const processes = [world.anotherProcess(), world.anotherProcess()];
    const states = await Promise.all(processes.map((process) => world.found(oldId, process)));
    await Promise.all(processes.map((process, at) => process.commit(states[at]!, true)));
    expect(sessionKeys()).toHaveLength(1);
    expect(states.filter(({ cookieDirty }) => cookieDirty)).toHaveLength(1);
  });

  it('loses no write of those who had read it before', async () => {
    const [first, second] = [await world.found(oldId), await world.found(oldId)];
    await world.repository.commit(first, true);
    second.entries.set('seen', true);
    await world.repository.commit(second, true);
    expect(second.cookieDirty).toBe(false);
    expect(world.entriesOf(first.id)).toEqual({ user: 7, seen: true });
  });

  it('goes on beside another new id that a request asked for which had read it before', async () => {
    const [first, second] = [await world.found(oldId), await world.found(oldId)];
    await world.repository.commit(first, true);
    await world.repository.regenerate(second);
    expect([oldId, first.id]).not.toContain(second.id);
    expect(world.entriesOf(first.id)).toEqual({ user: 7 });
    expect(await world.find(oldId)).toBeUndefined();
    expect(world.entriesOf(second.id)).toEqual({ user: 7 });
  });

  describe('asked for by the old id', () => {
    let newId: string;

    beforeEach(async () => {
      newId = (await answered(oldId)).id;
    });

    it('is found for the grace, and told the new id again, as that may have been lost', async () => {
      world.clock.pass(GRACE - 1);
      const state = await answered(oldId, ({ entries }) => entries.set('late', 1));
      expect(state).toMatchObject({ id: newId, cookieDirty: true });
      expect(world.entriesOf(newId)).toEqual({ user: 7, late: 1 });
    });

    it('is none after the grace', async () => {
      world.clock.pass(GRACE);
      expect(await world.find(oldId)).toBeUndefined();
      expect(await world.find(newId)).toBeDefined();
    });

    it.each<[string, (state: SessionState) => Promise<void>]>([
      ['destroyed', (state) => world.repository.destroy(state)],
      ['given a new id by a sign-in', (state) => world.repository.regenerate(state)],
    ])('is not told an id that was %s meanwhile', async (_how, work) => {
      const late = await world.found(oldId);
      await work(await world.found(newId));
      await world.repository.commit(late, true);
      expect(late.cookieDirty).toBe(false);
      expect(await world.find(oldId)).toBeUndefined();
    });

    it('is found through several renewals, as long as the grace of each', async () => {
      const quick = new SessionWorld({ rotateEvery: 1, rotateGrace: GRACE });
      world = quick;
      const first = await quick.stored({ user: 7 });
      quick.clock.pass(2);
      const second = (await answered(first)).id;
      quick.clock.pass(2);
      const third = (await answered(second)).id;
      expect((await quick.found(first)).id).toBe(third);
    });
  });

  it('leaves no id in the store', async () => {
    const { id } = await answered(oldId);
    const dump = world.store.keys.map((key) => key + world.store.text(key)).join();
    expect(dump).not.toContain(oldId);
    expect(dump).not.toContain(id);
  });

  it('is renewed when a persistent cookie is due, too', async () => {
    world = new SessionWorld({ rotateEvery: 900, timeout: 1200, persistentCookie: true });
    const id = await world.stored({ user: 7 });
    world.clock.pass(600);
    expect((await answered(id)).id).not.toBe(id);
  });

  it('never is without the option, and a sign-in has no grace', async () => {
    world = new SessionWorld();
    const id = await world.stored({ user: 7 });
    world.clock.pass(1199);
    expect((await answered(id)).id).toBe(id);
    await world.repository.regenerate(await world.found(id));
    expect(await world.find(id)).toBeUndefined();
  });
});
