import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionError, SessionStoreError } from '../../src/session/errors.js';
import type { Session } from '../../src/session/session.js';
import { client, comes, current, useCurrentSession, world } from './current-session-world.js';

describe('a sign-out that keeps entries', () => {
  useCurrentSession();
  let id: string;
  let session: Session;

  beforeEach(async () => {
    comes(await world.stored({ theme: 'dark', cart: ['apple'], visits: 1 }));
    id = (await current.signIn('7')).id;
    await current.commit();
    comes(id);
    session = await current.load();
    world.store.calls.length = 0;
  });

  it('continues anonymously with these, under a new id', async () => {
    const next = await session.signOut({ keep: ['theme'] });
    expect(next.toJSON()).toEqual({ theme: 'dark' });
    expect(next.userId).toBeUndefined();
    expect(next.id).not.toBe(id);
    await current.commit();
    expect(current.idUpdate).toEqual({ id: next.id, secret: 0 });
    expect(world.entriesOf(next.id)).toEqual({ theme: 'dark' });
    expect(await world.find(id)).toBeUndefined();
  });

  it.each([
    ['all', true, { theme: 'dark', cart: ['apple', 'pear'], visits: 2 }],
    ['none', false, {}],
  ])("keeps %s, with this request's changes", async (_which, keep, expected) => {
    session.increment('visits');
    session.get<string[]>('cart')!.push('pear');
    const next = await session.signOut({ keep });
    expect(next.toJSON()).toEqual(expected);
    await current.commit();
    expect(world.entriesOf(next.id)).toEqual(keep ? expected : undefined);
  });

  it('keeps what others have stored until it ends', async () => {
    const other = await world.found(id);
    session.increment('visits');
    other.entries.set('theme', 'light');
    other.entries.set('visits', 10);
    await world.repository.commit(other);
    const next = await session.signOut({ keep: ['theme', 'visits'] });
    expect(next.toJSON()).toEqual({ theme: 'light', visits: 11 });
    expect(world.entriesOf(next.id)).toEqual({ theme: 'light', visits: 11 });
  });

  it('drops flash messages, and keeps those set after it', async () => {
    session.flash('notice', 'for the user');
    const next = await session.signOut({ keep: true });
    expect(await next.flash('notice')).toBeUndefined();
    next.flash('notice', 'Goodbye');
    await current.commit();
    comes(next.id);
    expect(await (await current.load()).flash('notice')).toBe('Goodbye');
  });

  it('keeps nothing of a session that another request has ended', async () => {
    await world.repository.destroy(await world.found(id));
    const next = await session.signOut({ keep: true });
    expect(next.toJSON()).toEqual({});
    await current.commit();
    expect(current.idUpdate).toBe('over');
  });

  it('keeps nothing across an earlier sign-in, and does not end the new session', async () => {
    const other = await world.repository.signIn(await world.found(id), {
      ...{ userId: '7', client: {} },
    });
    const next = await session.signOut({ keep: true });
    expect(next.toJSON()).toEqual({});
    expect(await world.find(other.id)).toBeDefined();
  });

  it('leaves no session if the store fails', async () => {
    world.store.before('remove', () => (world.store.isDown = true));
    await expect(session.signOut({ keep: true })).rejects.toThrow(SessionStoreError);
    expect(() => current.commit()).not.toThrow();
    await expect(current.commit()).rejects.toThrow(SessionStoreError);
    expect(current.idUpdate).toBeUndefined();
  });

  it('is refused after the response has begun, and the user stays signed in', async () => {
    client.isOpen = false;
    await expect(session.signOut({ keep: true })).rejects.toThrow(SessionError);
    expect((await world.find(id))?.user?.id).toBe('7');
  });

  it('of a session that is not stored yet keeps the given entries', async () => {
    comes();
    const fresh = await current.load();
    fresh.set('theme', 'dark');
    fresh.set('cart', []);
    const next = await fresh.signOut({ keep: ['theme'] });
    await current.commit();
    expect(world.entriesOf(next.id)).toEqual({ theme: 'dark' });
  });
});
