import { beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionState } from '../../../src/session/session-state.js';
import { isSessionId } from '../../../src/session/session-id.js';
import { SessionWorld } from '../../support/session-world.js';

const EVERY = 600;
const GRACE = 10;

describe('a session with scheduled rotation', () => {
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

  it('gets a new id, and keeps all entries and the time of its beginning', async () => {
    const { createdAt } = await world.found(oldId);
    const state = await answered(oldId);
    expect(state).toMatchObject({ status: 'stored', cookieDirty: true });
    expect(state.id).not.toBe(oldId);
    expect(isSessionId(state.id)).toBe(true);
    const renewed = await world.found(state.id);
    expect(renewed.entries.get('user')).toBe(7);
    expect(renewed.createdAt).toBe(createdAt);
  });

  it('is stored with the changes of its request', async () => {
    const state = await answered(oldId, ({ entries }) => entries.set('user', 8));
    expect(world.entriesOf(state.id)).toEqual({ user: 8 });
    expect(world.store.calls).toEqual(['find', 'create', 'update']);
  });

  it('is not rotated too early, nor twice', async () => {
    const { id } = await answered(oldId);
    world.clock.pass(EVERY - 1);
    expect((await answered(id)).id).toBe(id);
    world.clock.pass(1);
    expect((await answered(id)).id).not.toBe(id);
  });

  it('is not rotated by a save, which cannot send the id', async () => {
    const state = await world.found(oldId);
    await world.repository.commit(state);
    expect(state.id).toBe(oldId);
    expect(world.store.calls).toEqual(['find']);
  });

  it('gets one new id from twenty parallel requests', async () => {
    const states = await Promise.all(Array.from({ length: 20 }, () => world.found(oldId)));
    await Promise.all(states.map((state) => world.repository.commit(state, true)));
    expect(sessionKeys()).toHaveLength(1);
    expect(states.filter(({ cookieDirty }) => cookieDirty)).toHaveLength(1);
  });

  it('gets one new id from two parallel processes', async () => {
    const processes = [world.anotherProcess(), world.anotherProcess()];
    const states = await Promise.all(processes.map((process) => world.found(oldId, process)));
    await Promise.all(processes.map((process, at) => process.commit(states[at]!, true)));
    expect(sessionKeys()).toHaveLength(1);
    expect(states.filter(({ cookieDirty }) => cookieDirty)).toHaveLength(1);
  });

  it('loses no write of requests that read it before', async () => {
    const [first, second] = [await world.found(oldId), await world.found(oldId)];
    await world.repository.commit(first, true);
    second.entries.set('seen', true);
    await world.repository.commit(second, true);
    expect(second.cookieDirty).toBe(false);
    expect(world.entriesOf(first.id)).toEqual({ user: 7, seen: true });
  });

  it('continues beside the new id of a regenerate() by a request that read it before', async () => {
    const [first, second] = [await world.found(oldId), await world.found(oldId)];
    await world.repository.commit(first, true);
    await world.repository.regenerate(second);
    expect([oldId, first.id]).not.toContain(second.id);
    expect(world.entriesOf(first.id)).toEqual({ user: 7 });
    expect(await world.find(oldId)).toBeUndefined();
    expect(world.entriesOf(second.id)).toEqual({ user: 7 });
  });

  describe('used with the old id', () => {
    let newId: string;

    beforeEach(async () => {
      newId = (await answered(oldId)).id;
    });

    it('is found during the grace period, and sends the new id again, which may have been lost', async () => {
      world.clock.pass(GRACE - 1);
      const state = await answered(oldId, ({ entries }) => entries.set('late', 1));
      expect(state).toMatchObject({ id: newId, cookieDirty: true });
      expect(world.entriesOf(newId)).toEqual({ user: 7, late: 1 });
    });

    it('is not found after the grace period', async () => {
      world.clock.pass(GRACE);
      expect(await world.find(oldId)).toBeUndefined();
      expect(await world.find(newId)).toBeDefined();
    });

    it.each<[string, (state: SessionState) => Promise<void>]>([
      ['destroyed', (state) => world.repository.destroy(state)],
      ['given a new id by a sign-in', (state) => world.repository.regenerate(state)],
    ])('does not send an id that was %s meanwhile', async (_how, work) => {
      const late = await world.found(oldId);
      await work(await world.found(newId));
      await world.repository.commit(late, true);
      expect(late.cookieDirty).toBe(false);
      expect(await world.find(oldId)).toBeUndefined();
    });

    it('is found through several rotations during the grace period of each', async () => {
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

  it('is also rotated when a persistent cookie is due', async () => {
    world = new SessionWorld({ rotateEvery: 900, timeout: 1200, persistentCookie: true });
    const id = await world.stored({ user: 7 });
    world.clock.pass(600);
    expect((await answered(id)).id).not.toBe(id);
  });

  it('is never rotated without the option, and has no grace period after a sign-in', async () => {
    world = new SessionWorld();
    const id = await world.stored({ user: 7 });
    world.clock.pass(1199);
    expect((await answered(id)).id).toBe(id);
    await world.repository.regenerate(await world.found(id));
    expect(await world.find(id)).toBeUndefined();
  });
});
