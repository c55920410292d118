import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionDestroyedError, SessionReadOnlyError } from '../../src/session/errors.js';
import { begin, comes, current, useCurrentSession, world } from './current-session-world.js';

describe('a reloaded session', () => {
  useCurrentSession();
  let id: string;

  beforeEach(async () => {
    id = await world.stored({ visits: 1, cart: ['apple'], theme: 'dark' });
    comes(id);
  });

  /** Another request writes these. */
  async function meanwhile(entries: Record<string, unknown>): Promise<void> {
    const other = await world.found(id);
    for (const [key, value] of Object.entries(entries)) other.entries.set(key, value);
    await world.repository.commit(other);
    world.store.calls.length = 0;
  }

  it('has what others have stored since, by one command', async () => {
    const session = await current.load();
    await meanwhile({ visits: 7, name: 'Ada' });
    await session.reload();
    expect(session.toJSON()).toEqual({ visits: 7, cart: ['apple'], theme: 'dark', name: 'Ada' });
    expect(world.store.calls).toEqual(['find']);
    expect(current.hasChanges()).toBe(false);
  });

  it('keeps its own changes of each kind, and stores them by one more command', async () => {
    const session = await current.load();
    session.increment('visits');
    session.get<string[]>('cart')!.push('pear');
    session.delete('theme');
    await meanwhile({ visits: 7, theme: 'light', name: 'Ada' });
    await session.reload();
    const merged = { visits: 8, cart: ['apple', 'pear'], name: 'Ada' };
    expect(session.toJSON()).toEqual(merged);
    await current.commit();
    expect(world.entriesOf(id)).toEqual(merged);
    expect(world.store.calls).toEqual(['find', 'update']);
  });

  it('does not store an entry again that was set to its old value', async () => {
    const session = await current.load();
    session.set('visits', 1);
    await meanwhile({ visits: 7 });
    await session.reload();
    expect(session.visits).toBe(7);
  });

  it('still detects changes in objects that were not replaced, and only in these', async () => {
    const session = await current.load();
    const cart = session.get<string[]>('cart')!;
    await meanwhile({ visits: 7 });
    await session.reload();
    cart.push('pear');
    expect(current.hasChanges()).toBe(true);
    await session.save();
    await meanwhile({ cart: [] });
    await session.reload();
    cart.push('plum');
    expect(session.cart).toEqual([]);
    expect(current.hasChanges()).toBe(false);
  });

  it('stays unchanged if a function that changes an entry throws', async () => {
    const session = await current.load();
    session.increment('visits');
    await meanwhile({ visits: 'many', name: 'Ada' });
    await expect(session.reload()).rejects.toThrow('cannot be incremented');
    expect(session.toJSON()).toEqual({ visits: 2, cart: ['apple'], theme: 'dark' });
  });

  it('follows the session to its new id without sending that id', async () => {
    const session = await current.load();
    const other = await world.found(id);
    await world.repository.regenerate(other);
    await session.reload();
    session.set('visits', 2);
    await current.commit();
    expect(world.entriesOf(other.id)).toMatchObject({ visits: 2 });
    expect(session.id).toBe(id);
    expect(current.idUpdate).toBeUndefined();
  });

  it('does not send the new id of a session that another request gave a lifetime', async () => {
    begin({ remember: { timeout: 86_400, absoluteTimeout: false } });
    id = await world.stored({ visits: 1 });
    comes(id);
    const session = await current.load();
    const other = await world.found(id);
    world.repository.setLifetime(other, 7200);
    await world.repository.commit(other, true);
    await session.reload();
    session.set('visits', 2);
    await current.commit(true);
    expect(current.idUpdate).toBeUndefined();
    expect((await world.found(other.id)).entries.get('visits')).toBe(2);
  });

  it.each([
    ['was destroyed', async () => world.repository.destroy(await world.found(id))],
    [
      'got a user by a sign-in',
      async () => world.repository.signIn(await world.found(id), { userId: '7', client: {} }),
    ],
  ])('has ended if it %s', async (_how, end) => {
    const session = await current.load();
    session.set('visits', 2);
    await end();
    await expect(session.reload()).rejects.toThrow(SessionDestroyedError);
    await current.commit();
    expect(current.isGone).toBe(true);
  });

  it('can be read-only', async () => {
    const session = await current.load({ readOnly: true });
    await meanwhile({ visits: 7 });
    await session.reload();
    expect(session.visits).toBe(7);
    expect(() => session.set('visits', 8)).toThrow(SessionReadOnlyError);
  });

  it('needs no store operation while it is new', async () => {
    comes();
    const session = await current.load();
    session.set('visits', 1);
    await session.reload();
    expect(session.visits).toBe(1);
    expect(world.store.calls).toEqual([]);
  });
});
