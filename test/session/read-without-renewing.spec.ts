import { beforeEach, describe, expect, it } from '@jest/globals';

import type { Session } from '../../src/session/session.js';
import { begin, comes, current, useCurrentSession, world } from './current-session-world.js';

describe('a session that is read without being renewed', () => {
  useCurrentSession();
  let id: string;
  let key: string;

  const life = () => world.store.lives.get(key);

  beforeEach(async () => {
    id = await world.stored({ visits: 1 });
    key = world.keyOf(id);
    world.store.timeout = 1200;
    world.store.lives.set(key, 5);
    comes(id);
  });

  it('is read by one command, and keeps its life', async () => {
    const session = await current.load({ touch: false });
    expect(session.visits).toBe(1);
    await current.commit(true);
    expect(world.store.calls).toEqual(['find']);
    expect(life()).toBe(5);
  });

  it.each([
    ['after', [false, true]],
    ['before', [true, false]],
    ['twice after', [false, true, true]],
  ])('is renewed once if it is used %s', async (_when, touches) => {
    const all = await Promise.all(touches.map((touch) => current.load({ touch })));
    expect(new Set(all).size).toBe(1);
    expect(world.store.calls).toEqual(touches[0] ? ['find'] : ['find', 'find']);
    expect(life()).toBe(1200);
  });

  it('is renewed by a write', async () => {
    (await current.load({ touch: false })).visits = 2;
    await current.commit(true);
    expect(world.store.calls).toEqual(['find', 'update']);
    expect(life()).toBe(1200);
    await current.load();
    expect(world.store.calls).toHaveLength(2);
  });

  it.each([true, false])('ends later after each write: touch %s', async (touch) => {
    const session = await current.load({ touch });
    for (const visits of [2, 3]) {
      world.clock.pass(60);
      session.visits = visits;
      await session.save();
      expect(session.expiresAt.getTime() - world.clock.now()).toBe(1200_000);
    }
  });

  it('ends later after a write that follows it to its new id', async () => {
    const session = await current.load({ touch: false });
    await world.repository.regenerate(await world.found(id));
    world.clock.pass(60);
    session.visits = 2;
    await session.save();
    expect(session.expiresAt.getTime() - world.clock.now()).toBe(1200_000);
  });

  it.each<[string, () => Promise<Session>]>([
    ['a new id', () => current.regenerate()],
    ['a sign-in', () => current.signIn('ada')],
    ['a confirmed sign-in', () => current.confirmSignIn()],
  ])('is renewed by %s, without another read', async (what, move) => {
    if (what.includes('confirmed')) id = (await comes(id).signIn('ada')).id;
    await comes(id).load({ touch: false });
    world.store.calls.length = 0;
    key = world.keyOf((await move()).id);
    expect(world.store.calls.slice(-1)).not.toEqual(['find']);
    expect(life()).toBe(1200);
    world.store.isDown = true;
    await current.load();
  });

  it('is refused to later uses if it has ended in between', async () => {
    await current.load({ touch: false });
    await world.repository.destroy(await world.found(id));
    await current.load();
    expect(current.isGone).toBe(true);
  });

  it('is not renewed by reading it again', async () => {
    await (await current.load({ touch: false })).reload();
    expect(life()).toBe(5);
  });

  it('gets a due new id only when it is used', async () => {
    begin({ rotateEvery: 60 });
    id = await world.stored({ visits: 1 });
    world.clock.pass(61);
    comes(id);
    await current.load({ touch: false });
    expect(current.commit(true)).toBeUndefined();
    await current.load();
    await current.commit(true);
    expect(current.idUpdate).toMatchObject({ id: expect.not.stringContaining(id) });
  });

  it('does not send a due cookie', async () => {
    begin({ persistentCookie: true });
    id = await world.stored({ visits: 1 });
    world.clock.pass(1000);
    comes(id);
    await current.load({ touch: false });
    expect(current.commit(true)).toBeUndefined();
  });

  it('still sends a new id that the client has missed', async () => {
    begin({ rotateEvery: 60 });
    id = await world.stored({ visits: 1 });
    world.clock.pass(61);
    comes(id);
    const rotated = await current.load();
    await current.commit(true);
    comes(id);
    const again = await current.load({ touch: false });
    await current.commit(true);
    expect(again.id).toBe(rotated.id);
    expect(current.idUpdate).toMatchObject({ id: rotated.id });
  });

  it("does not extend the life of its user's index, and reads it once a minute", async () => {
    comes(id);
    const { id: signedIn } = await current.signIn('7');
    current.idSent();
    await world.repository.deliveries.settle();
    const index = world.store.keys.find((one) => one !== key && !world.recordAt(one))!;
    world.store.lives.set(index, 5);
    for (let n = 0; n < 3; n++) {
      comes(signedIn);
      expect((await current.load({ touch: false })).userId).toBe('7');
      expect(world.store.calls).toHaveLength(n === 0 ? 2 : 1);
      expect(world.store.lives.get(index)).toBe(5);
    }
    comes(signedIn);
    await current.load();
    expect(world.store.calls).toHaveLength(2);
    expect(world.store.lives.get(index)).toBe(2400);
  });
});
