import { beforeEach, describe, expect, it } from '@jest/globals';

import { type CurrentSession } from '../../src/session/current-session.js';
import { SessionManager } from '../../src/session/session-manager.js';
import { SessionReadOnlyError, SessionStoreError } from '../../src/session/errors.js';
import {
  begin,
  client,
  comes,
  current,
  useCurrentSession,
  world,
} from './current-session-world.js';

describe("a request's session", () => {
  useCurrentSession();

  describe('of a visitor without a session', () => {
    it('is new, without store operations', async () => {
      const session = await current.load();
      expect(session.isNew).toBe(true);
      expect(current.commit()).toBeUndefined();
      expect(current.idUpdate).toBeUndefined();
      expect(world.store.calls).toEqual([]);
    });

    it('is stored after the first write, and its id is sent', async () => {
      const session = await current.load();
      session.visits = 1;
      expect(current.idUpdate).toBeUndefined();
      await current.commit();
      expect(current.idUpdate).toEqual({ id: session.id, secret: 0 });
      expect(world.entriesOf(session.id)).toEqual({ visits: 1 });
    });

    it('sends no id if it could not be stored', async () => {
      (await current.load()).visits = 1;
      world.store.isDown = true;
      await expect(current.commit()).rejects.toThrow(SessionStoreError);
      expect(current.idUpdate).toBeUndefined();
    });
  });

  describe('of a visitor with a session', () => {
    let id: string;

    beforeEach(async () => {
      id = await world.stored({ visits: 1 });
      comes(id);
    });

    it('is read once, however often it is used', async () => {
      const [one, other] = await Promise.all([current.load(), current.load()]);
      expect(one).toBe(other);
      expect(await current.load()).toBe(one);
      expect(one.visits).toBe(1);
      expect(world.store.calls).toEqual(['find']);
    });

    it('is committed without sending its id again', async () => {
      (await current.load()).visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
      expect(current.idUpdate).toBeUndefined();
    });

    it('needs no commit if it was only read', async () => {
      await current.load();
      expect(current.hasChanges()).toBe(false);
      expect(current.commit()).toBeUndefined();
    });

    it('fails at each use after one failed read', async () => {
      world.store.isDown = true;
      await expect(current.load()).rejects.toThrow(SessionStoreError);
      await expect(current.load()).rejects.toThrow(SessionStoreError);
      await expect(current.destroy()).rejects.toThrow(SessionStoreError);
      await expect(current.create()).rejects.toThrow(SessionStoreError);
      expect(world.store.calls).toEqual(['find']);
    });

    it('rejects the commit of values that JSON does not keep', async () => {
      const session = await current.load();
      session.cart = {};
      session.cart.since = new Date();
      await expect(current.commit()).rejects.toMatchObject({ path: 'cart.since' });
    });
  });

  it('of an unknown id is new, under another id', async () => {
    const stranger = 'A'.repeat(43);
    const session = await comes(stranger).load();
    session.visits = 1;
    await current.commit();
    expect(session.isNew).toBe(true);
    expect(session.id).not.toBe(stranger);
    expect(world.entriesOf(stranger)).toBeUndefined();
  });

  it('that is not used is not read', () => {
    comes('A'.repeat(43));
    expect(current.commit()).toBeUndefined();
    expect(current.idUpdate).toBeUndefined();
    expect(world.store.calls).toEqual([]);
  });

  describe('by its manager', () => {
    it('is the same session', async () => {
      const id = await world.stored({ user: 1 });
      comes(id);
      const manager = new SessionManager({ use: () => current });
      const session = await manager.current();
      session.user = 2;
      await manager.save();
      expect(world.entriesOf(id)).toEqual({ user: 2 });
      await manager.regenerate({ keep: false });
      expect(session.size).toBe(0);
      expect((await manager.create()).id).not.toBe(session.id);
      await manager.destroy();
      expect(current.idUpdate).toBe('over');
    });
  });

  describe('read-only', () => {
    it('is read and renewed by one command, and commits nothing', async () => {
      const id = await world.stored({ cart: { items: ['apple'] }, visits: 1 });
      const session = await comes(id).load({ readOnly: true });
      expect(session.toJSON()).toEqual({ cart: { items: ['apple'] }, visits: 1 });
      expect(current.commit(true)).toBeUndefined();
      expect(world.store.calls).toEqual(['find']);
    });

    it('refuses all changes', async () => {
      const id = await world.stored({ cart: { items: ['apple'] }, visits: 1 });
      const session = await comes(id).load({ readOnly: true });
      for (const write of [
        () => session.set('visits', 2),
        () => (session.visits = 2),
        () => delete session.visits,
        () => session.clear(),
        () => session.pull('visits'),
        () => session.update('visits', () => 2),
        () => session.increment('visits'),
      ]) {
        expect(write).toThrow(SessionReadOnlyError);
      }
      expect(() => session.flash('notice', 1)).toThrow(SessionReadOnlyError);
      for (const change of [
        ...[session.save(), session.regenerate(), session.destroy(), session.flash('notice')],
        ...[session.signIn('ada'), session.signOut()],
      ]) {
        await expect(change).rejects.toThrow(SessionReadOnlyError);
      }
      expect(() => session.cart.items.push('pear')).toThrow(TypeError);
      expect(world.entriesOf(id)).toEqual({ cart: { items: ['apple'] }, visits: 1 });
    });

    it('shows changes that the same request made by a writable session', async () => {
      const id = await world.stored({ cart: ['apple'] });
      const reader = await comes(id).load({ readOnly: true });
      const writer = await current.load();
      writer.cart.push('pear');
      expect(reader.cart).toEqual(['apple', 'pear']);
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ cart: ['apple', 'pear'] });
      expect(world.store.calls).toEqual(['find', 'update']);
    });
  });

  describe("with onOutage: 'anonymous'", () => {
    it('is the stored session while the store works', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comes(id).load({ onOutage: 'anonymous' });
      session.visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
    });

    it('is empty in an outage, refuses writes, and sends no cookie', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.isDown = true;
      const session = await comes(id).load({ onOutage: 'anonymous' });
      expect([session.isNew, session.size, session.visits]).toEqual([true, 0, undefined]);
      expect(() => (session.visits = 2)).toThrow(SessionStoreError);
      for (const change of [session.save(), session.regenerate(), session.destroy()]) {
        await expect(change).rejects.toThrow(SessionStoreError);
      }
      expect(current.commit(true)).toBeUndefined();
      expect(current.idUpdate).toBeUndefined();
      expect(world.store.calls).toEqual(['find']);
    });

    it('still fails for errors other than an outage', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.before('find', () => {
        throw new TypeError('a bug');
      });
      await expect(comes(id).load({ onOutage: 'anonymous' })).rejects.toThrow(TypeError);
    });

    it('still fails for other uses without this option', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.isDown = true;
      await comes(id).load({ onOutage: 'anonymous' });
      await expect(current.load()).rejects.toThrow(SessionStoreError);
      await expect(current.destroy()).rejects.toThrow(SessionStoreError);
    });
  });

  describe('where no cookie can be set', () => {
    const comesOneWay = (id?: string): CurrentSession => {
      comes(id);
      client.isOpen = false;
      client.isOneWay = true;
      return current;
    };

    it('can be changed if it is stored', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comesOneWay(id).load();
      session.visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
      expect(current.isGone).toBe(false);
    });

    it('refuses the first write if it is not stored', async () => {
      const session = await comesOneWay().load();
      expect([session.isNew, session.size]).toEqual([true, 0]);
      expect(() => (session.visits = 1)).toThrow(
        expect.objectContaining({ code: 'SESSION_NO_RESPONSE' }),
      );
      await session.save();
      await session.destroy();
      expect(current.commit()).toBeUndefined();
      expect(world.store.calls).toEqual([]);
    });

    it('refuses a new id and a new session, but can be destroyed', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comesOneWay(id).load();
      const noResponse = expect.objectContaining({ code: 'SESSION_NO_RESPONSE' });
      await expect(session.regenerate()).rejects.toEqual(noResponse);
      await expect(current.create()).rejects.toEqual(noResponse);
      expect(world.entriesOf(id)).toEqual({ visits: 1 });
      await session.destroy();
      expect(world.entriesOf(id)).toBeUndefined();
      const next = await current.load();
      expect(() => (next.visits = 1)).toThrow(noResponse);
    });

    it('leaves a due persistent cookie to a later response', async () => {
      begin({ persistentCookie: true });
      const id = await world.stored({ visits: 1 });
      world.clock.pass(601);
      await comesOneWay(id).load();
      expect(current.commit(true)).toBeUndefined();
      await comes(id).load();
      expect(current.commit(true)).toBeInstanceOf(Promise);
    });

    it('knows that it has ended', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comesOneWay(id).load();
      session.visits = 2;
      world.store.drop(world.keyOf(id));
      await current.commit();
      expect(current.isGone).toBe(true);
    });
  });

  it('of an unknown id may be refused', async () => {
    comes('A'.repeat(43));
    client.onUnknownId = () => {
      throw new Error('a stranger');
    };
    await expect(current.load()).rejects.toThrow('a stranger');
    await expect(current.destroy()).rejects.toThrow('a stranger');
  });

  describe('by peek()', () => {
    const peek = () => new SessionManager({ use: () => current }).peek();

    it('is undefined for a visitor without a session, without store operations', async () => {
      expect(await peek()).toBeUndefined();
      expect(world.store.calls).toEqual([]);
    });

    it('is undefined for an unknown id', async () => {
      comes(await world.stored());
      world.store.drop(world.store.keys[0]!);
      expect(await peek()).toBeUndefined();
    });

    it('is the stored session', async () => {
      comes(await world.stored({ visits: 1 }));
      expect((await peek())?.visits).toBe(1);
    });

    it('is the session that this request created, until it is destroyed', async () => {
      (await current.load()).visits = 1;
      expect((await peek())?.visits).toBe(1);
      await current.destroy();
      expect(await peek()).toBeUndefined();
    });
  });
});
