import { beforeEach, describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../src/session/current-session.js';
import { SessionDestroyedError, SessionValueError } from '../../src/session/errors.js';
import { SessionWorld } from '../support/session-world.js';

describe('a flash message', () => {
  let world: SessionWorld;

  /** A request with this id, served by this process or by another one. */
  const comes = (id?: string, repository = world.repository): CurrentSession => {
    const ticket = id === undefined ? undefined : { id, secret: 0 };
    return new CurrentSession(repository, { receive: () => ({ ticket }), isOpen: true });
  };

  /** What a request reads that comes later. */
  const reads = async (id: string, name = 'notice'): Promise<unknown> => {
    const current = comes(id);
    const value = await (await current.load()).flash(name);
    await current.commit();
    return value;
  };

  /** A visitor's session with a message in it. */
  const flashed = async (value: unknown = 'Saved', entries: object = {}): Promise<string> => {
    const current = comes();
    const session = await current.load();
    Object.assign(session, entries);
    expect(session.flash('notice', value)).toBe(session);
    await current.commit();
    return session.id;
  };

  beforeEach(() => {
    world = new SessionWorld();
  });

  it.each([
    ['a string', 'Saved'],
    ['an empty string', ''],
    ['zero', 0],
    ['false', false],
    ['null', null],
    ['an object', { text: 'Saved', level: 'info' }],
    ['a list', ['one', { 2: 'two', 1: 'one' }]],
  ])('is read once by a later request: %s', async (_what, value) => {
    const id = await flashed(value);
    expect(await reads(id)).toEqual(value);
    expect(await reads(id)).toBeUndefined();
  });

  it('is enough to store a session', async () => {
    const id = await flashed();
    expect(await world.find(id)).toBeDefined();
  });

  it('creates a session that peek() finds', async () => {
    const current = comes();
    expect(await current.peek()).toBeUndefined();
    (await current.load()).flash('notice', 'Saved');
    expect(await current.peek()).toBeDefined();
  });

  it('can be read by the request that set it', async () => {
    const session = await comes().load();
    session.flash('notice', 'Saved');
    expect(await session.flash('notice')).toBe('Saved');
    expect(await session.flash('notice')).toBeUndefined();
    expect(world.store.calls).toEqual([]);
  });

  it('replaces an earlier one of the same name', async () => {
    const id = await flashed('first');
    const session = await comes(id).load();
    session.flash('notice', 'second').flash('error', 'other');
    await session.save();
    expect(await reads(id)).toBe('second');
    expect(await reads(id, 'error')).toBe('other');
  });

  it('is removed by undefined', async () => {
    const id = await flashed();
    const session = await comes(id).load();
    session.flash('notice', undefined);
    await session.save();
    expect(await reads(id)).toBeUndefined();
  });

  it('needs no write if there is no message', async () => {
    const id = await world.stored({ visits: 1 });
    world.store.calls.length = 0;
    const current = comes(id);
    expect(await (await current.load()).flash('notice')).toBeUndefined();
    expect(current.commit()).toBeUndefined();
    expect(world.store.calls).toEqual(['find']);
  });

  it('is not an entry', async () => {
    const session = await comes(await flashed('Saved', { visits: 1 })).load();
    expect(session.size).toBe(1);
    expect([...session.keys()]).toEqual(['visits']);
    expect(Object.keys(session)).toEqual(['visits']);
    expect(session.toJSON()).toEqual({ visits: 1 });
    expect({ ...session }).toEqual({ visits: 1 });
  });

  it('has a name that no entry can have', async () => {
    const session = await comes(await flashed()).load();
    const key = '\0flash:notice';
    expect(() => session.set(key, 1)).toThrow(SessionValueError);
    expect(() => session.update(key, () => 1)).toThrow(SessionValueError);
    expect(() => session.flash('__proto__', 1)).toThrow(SessionValueError);
  });

  it('refuses values that JSON does not keep', async () => {
    const session = await comes().load();
    expect(() => session.flash('notice', new Date())).toThrow(SessionValueError);
  });

  it.each([true, false, [], ['visits']])('stays through a new id, keep: %j', async (keep) => {
    const id = await flashed('Saved', { visits: 1 });
    const current = comes(id);
    const session = await current.load();
    await session.regenerate({ keep });
    await current.commit();
    expect(session.id).not.toBe(id);
    expect(await reads(id)).toBeUndefined();
    expect(await reads(session.id)).toBe('Saved');
  });

  it('stays through a new id in the same request', async () => {
    const current = comes();
    const session = await current.load();
    session.visits = 1;
    session.flash('notice', 'Saved');
    await session.regenerate({ keep: false });
    await current.commit();
    expect(await reads(session.id)).toBe('Saved');
    expect(session.has('visits')).toBe(false);
  });

  it('stays through clear()', async () => {
    const id = await flashed('Saved', { visits: 1 });
    const session = await comes(id).load();
    session.flash('error', 'other');
    session.clear();
    await session.save();
    expect(world.entriesOf(id)).not.toHaveProperty('visits');
    expect(await reads(id)).toBe('Saved');
    expect(await reads(id, 'error')).toBe('other');
  });

  it('stays through clear() while another request writes', async () => {
    const id = await flashed('Saved', { visits: 1 });
    const session = await comes(id).load();
    session.clear();
    world.store.before('update', () =>
      world.write(world.keyOf(id), { '\0flash:notice': 'new', a: 1 }),
    );
    await session.save();
    expect(world.entriesOf(id)).toEqual({ '\0flash:notice': 'new' });
  });

  it('is gone after destroy()', async () => {
    const id = await flashed();
    const current = comes(id);
    const session = await current.load();
    await session.destroy();
    await expect(session.flash('notice')).rejects.toThrow(SessionDestroyedError);
    expect(() => session.flash('notice', 1)).toThrow(SessionDestroyedError);
    expect(await reads(id)).toBeUndefined();
  });

  describe('read by two requests at once', () => {
    it.each(['one process', 'two processes'])('is read by one of them, in %s', async (where) => {
      const id = await flashed(0);
      const other = where === 'one process' ? world.repository : world.anotherProcess();
      const sessions = [await comes(id).load(), await comes(id, other).load()];
      const values = await Promise.all(sessions.map((session) => session.flash('notice')));
      expect(values.filter((value) => value === 0)).toHaveLength(1);
      expect(values.filter((value) => value === undefined)).toHaveLength(1);
      expect(await reads(id)).toBeUndefined();
    });

    it('is read by one of fifty, in two processes', async () => {
      const id = await flashed();
      const processes = [world.repository, world.anotherProcess()];
      const sessions = await Promise.all(
        Array.from({ length: 50 }, (_, n) => comes(id, processes[n % 2]).load()),
      );
      const values = await Promise.all(sessions.map((session) => session.flash('notice')));
      expect(values.filter((value) => value === 'Saved')).toHaveLength(1);
    });

    it('is read once within a request, too', async () => {
      const session = await comes(await flashed()).load();
      const values = await Promise.all([session.flash('notice'), session.flash('notice')]);
      expect(values).toEqual(['Saved', undefined]);
    });
  });

  it('that another request set meanwhile stays for a later request', async () => {
    const id = await flashed('first');
    const late = await comes(id).load();
    const session = await comes(id).load();
    session.flash('notice', 'second');
    await session.save();
    expect(await late.flash('notice')).toBeUndefined();
    expect(await reads(id)).toBe('second');
  });

  it('that was set after a sign-in is not read by requests with the old id', async () => {
    const id = await flashed('before');
    const held = await comes(id, world.anotherProcess()).load();
    const current = comes(id);
    const session = await current.load();
    await session.regenerate();
    session.flash('notice', 'after');
    await current.commit();
    expect(await held.flash('notice')).toBeUndefined();
    expect(await reads(session.id)).toBe('after');
  });

  it('is not read from a session that was destroyed meanwhile', async () => {
    const id = await flashed();
    const held = await comes(id).load();
    await (await comes(id).load()).destroy();
    expect(await held.flash('notice')).toBeUndefined();
  });

  it('is kept if the store fails before it is removed', async () => {
    const id = await flashed();
    const current = comes(id);
    const session = await current.load();
    world.store.isDown = true;
    await expect(session.flash('notice')).rejects.toThrow('unavailable');
    world.store.isDown = false;
    await expect(current.commit()).rejects.toThrow('unavailable');
    expect(await reads(id)).toBe('Saved');
  });
});
