import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionDestroyedError, SessionError } from '../../src/session/errors.js';
import { comes, current, useCurrentSession, world } from './current-session-world.js';

describe('when a user proved who he is', () => {
  useCurrentSession();
  let id: string;

  const ago = (time: Date | undefined) => (world.clock.now() - time!.getTime()) / 1000;

  beforeEach(async () => {
    comes(await world.stored({ visits: 1 }));
    world.clock.pass(50);
    id = (await current.signIn('7')).id;
    comes(id);
  });

  it('is the time of the sign-in, whatever is written, under each new id', async () => {
    world.clock.pass(100);
    const session = await current.load();
    session.visits = 2;
    await session.save();
    await session.regenerate();
    comes(session.id);
    expect(ago((await current.load()).signedInAt)).toBe(100);
  });

  it('is undefined without a user, and for a user of a record without the time', async () => {
    comes(await world.stored());
    expect((await current.load()).signedInAt).toBeUndefined();
    const user = { id: '7', handle: 'h' };
    world.write(world.keyOf(id), {}, { user, createdAt: world.clock.now() - 5000 });
    const session = await world.found(id).catch(() => undefined);
    expect(session?.signedInAt).toBeUndefined();
  });

  it('is the time of the next sign-in, and of a confirmation, which gives a new id', async () => {
    world.clock.pass(100);
    const session = await current.load();
    await session.confirmSignIn();
    expect(ago(session.signedInAt)).toBe(0);
    expect(session.id).not.toBe(id);
    await current.commit();
    expect(current.idUpdate).toMatchObject({ id: session.id });
    expect(await world.find(id)).toBeUndefined();
    world.clock.pass(10);
    comes(session.id);
    expect(ago((await current.load()).signedInAt)).toBe(10);
    expect((await current.load()).toJSON()).toEqual({ visits: 1 });
    await current.signIn('7');
    expect(ago((await current.load()).signedInAt)).toBe(0);
  });

  it('keeps what others write at the same moment', async () => {
    const session = await current.load();
    const other = await world.found(id);
    other.entries.set('theme', 'dark');
    world.store.before('update', () => world.repository.commit(other));
    world.clock.pass(5);
    session.visits = 2;
    await session.confirmSignIn();
    comes(session.id);
    const next = await current.load();
    expect(next.toJSON()).toEqual({ visits: 2, theme: 'dark' });
    expect(ago(next.signedInAt)).toBe(0);
  });

  it('is not changed across another sign-in', async () => {
    const session = await current.load();
    const other = await world.found(id);
    world.clock.pass(5);
    await world.repository.signIn(other, { userId: '7', client: {} });
    world.clock.pass(5);
    await expect(session.confirmSignIn()).rejects.toThrow(SessionDestroyedError);
    expect(ago(new Date((await world.found(other.id)).signedInAt!))).toBe(5);
  });

  it('cannot be confirmed if the session has ended or has no user', async () => {
    const session = await current.load();
    await world.repository.destroy(await world.found(id));
    await expect(session.confirmSignIn()).rejects.toThrow(SessionDestroyedError);
    comes();
    await expect((await current.load()).confirmSignIn()).rejects.toThrow(SessionError);
  });

  it('is forgotten with the sign-out', async () => {
    const next = await (await current.load()).signOut({ keep: true });
    expect(next.signedInAt).toBeUndefined();
    expect(next.toJSON()).toEqual({ visits: 1 });
  });
});
