import { beforeEach, describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../src/session/current-session.js';
import { SessionManager } from '../../src/session/session-manager.js';
import type { SessionTicket } from '../../src/session/session-keys.js';
import {
  SessionDestroyedError,
  SessionReadOnlyError,
  SessionStoreError,
} from '../../src/session/session.errors.js';
import { SessionWorld } from '../support/session-world.js';

/** A client as one request sees it. */
class Client {
  isOpen = true;
  isMute = false;
  onStranger?: () => void;
  uses = 0;
  reads = 0;
  constructor(readonly id?: string) {}

  presentedTicket(): SessionTicket | undefined {
    return this.id === undefined ? undefined : { id: this.id, secret: 0 };
  }

  onRead(): void {
    this.reads++;
  }

  onUse(): void {
    this.uses++;
  }
}

describe("a request's session", () => {
  let world: SessionWorld;
  let client: Client;
  let current: CurrentSession;

  const comes = (id?: string): CurrentSession => {
    client = new Client(id);
    current = new CurrentSession(world.repository, client);
    world.store.calls.length = 0;
    return current;
  };

  beforeEach(() => {
    world = new SessionWorld();
    comes();
  });

  describe('of a visitor without one', () => {
    it('is new, and costs nothing', async () => {
      const session = await current.load();
      expect(session.isNew).toBe(true);
      expect(current.commit()).toBeUndefined();
      expect(current.news).toBeUndefined();
      expect(world.store.calls).toEqual([]);
    });

    it('is stored and told once something is written', async () => {
      const session = await current.load();
      session.visits = 1;
      expect(current.news).toBeUndefined();
      await current.commit();
      expect(current.news).toEqual({ id: session.id, secret: 0 });
      expect(world.entriesOf(session.id)).toEqual({ visits: 1 });
    });

    it('is not told if it could not be stored', async () => {
      (await current.load()).visits = 1;
      world.store.isDown = true;
      await expect(current.commit()).rejects.toThrow(SessionStoreError);
      expect(current.news).toBeUndefined();
    });
  });

  describe('of a visitor with one', () => {
    let id: string;

    beforeEach(async () => {
      id = await world.stored({ visits: 1 });
      comes(id);
    });

    it('is found once, however often it is asked for', async () => {
      const [one, other] = await Promise.all([current.load(), current.load()]);
      expect(one).toBe(other);
      expect(await current.load()).toBe(one);
      expect(one.visits).toBe(1);
      expect(world.store.calls).toEqual(['find']);
      expect(client.uses).toBe(1);
    });

    it('is committed without being told again', async () => {
      (await current.load()).visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
      expect(current.news).toBeUndefined();
    });

    it('has nothing to commit if it was only read', async () => {
      await current.load();
      expect(current.hasChanges()).toBe(false);
      expect(current.commit()).toBeUndefined();
    });

    it('fails as often as it is asked for, and asks the store once', async () => {
      world.store.isDown = true;
      await expect(current.load()).rejects.toThrow(SessionStoreError);
      await expect(current.load()).rejects.toThrow(SessionStoreError);
      await expect(current.destroy()).rejects.toThrow(SessionStoreError);
      await expect(current.create()).rejects.toThrow(SessionStoreError);
      expect(world.store.calls).toEqual(['find']);
    });

    it('rejects at the commit what JSON does not keep', async () => {
      const session = await current.load();
      session.cart = {};
      session.cart.since = new Date();
      await expect(current.commit()).rejects.toMatchObject({ path: 'cart.since' });
    });
  });

  it('of an id that nobody knows is new, under another id', async () => {
    const stranger = 'A'.repeat(43);
    const session = await comes(stranger).load();
    session.visits = 1;
    await current.commit();
    expect(session.isNew).toBe(true);
    expect(session.id).not.toBe(stranger);
    expect(world.entriesOf(stranger)).toBeUndefined();
  });

  it('that is not used is not looked for', () => {
    comes('A'.repeat(43));
    expect(current.commit()).toBeUndefined();
    expect(current.news).toBeUndefined();
    expect([client.uses, world.store.calls]).toEqual([0, []]);
  });

  describe('created', () => {
    it('takes the place of the one that was there, which is destroyed', async () => {
      const id = await world.stored({ user: 1 });
      const old = await comes(id).load();
      const session = await current.create();
      expect(session.isNew).toBe(true);
      expect(session.id).not.toBe(id);
      expect(session.size).toBe(0);
      expect(world.entriesOf(id)).toBeUndefined();
      expect(await current.load()).toBe(session);
      expect(() => (old.user = 2)).toThrow(SessionDestroyedError);
    });

    it('and left empty is told as over', async () => {
      comes(await world.stored());
      await current.create();
      await current.commit();
      expect(current.news).toBe('over');
    });

    it('and written to is told', async () => {
      comes(await world.stored());
      const session = await current.create();
      session.user = 1;
      await current.commit();
      expect(current.news).toEqual({ id: session.id, secret: 0 });
    });

    it('is not, if the one before could not be destroyed', async () => {
      const id = await world.stored({ user: 1 });
      const old = await comes(id).load();
      world.store.isDown = true;
      await expect(current.create()).rejects.toThrow(SessionStoreError);
      expect(await current.load()).toBe(old);
    });
  });

  describe('regenerated', () => {
    it('is the same object, under an id that is told', async () => {
      const id = await world.stored({ user: 1, cart: {} });
      const session = await comes(id).load();
      expect(await current.regenerate({ keep: ['user'] })).toBe(session);
      expect(session.id).not.toBe(id);
      expect(session.toJSON()).toEqual({ user: 1 });
      expect(current.news).toEqual({ id: session.id, secret: 0 });
    });

    it('fails if it was destroyed meanwhile', async () => {
      const id = await world.stored();
      await comes(id).load();
      world.store.drop(world.keyOf(id));
      await expect(current.regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(current.news).toBeUndefined();
    });
  });

  describe('destroyed', () => {
    it('is over, and a new one is in its place', async () => {
      const id = await world.stored();
      const old = await comes(id).load();
      await current.destroy();
      expect(current.news).toBe('over');
      expect(world.entriesOf(id)).toBeUndefined();
      const session = await current.load();
      expect(session).not.toBe(old);
      expect(session.isNew).toBe(true);
    });

    it('without having been read is over, too', async () => {
      const id = await world.stored();
      await comes(id).destroy();
      expect(current.news).toBe('over');
      expect(world.store.keys).toEqual([]);
    });

    it('refuses all that follows', async () => {
      const old = await comes(await world.stored()).load();
      await old.destroy();
      expect(() => old.set('a', 1)).toThrow(SessionDestroyedError);
      await expect(old.save()).rejects.toThrow(SessionDestroyedError);
      await expect(old.regenerate()).rejects.toThrow(SessionDestroyedError);
      await old.destroy();
      expect(current.news).toBe('over');
    });

    it('a second time leaves the session that came after it alone', async () => {
      const old = await comes(await world.stored()).load();
      await old.destroy();
      const next = await current.load();
      next.user = 1;
      await current.save();
      await old.destroy();
      expect(world.entriesOf(next.id)).toEqual({ user: 1 });
    });

    it('and written to again is told', async () => {
      await comes(await world.stored()).destroy();
      const session = await current.load();
      session.user = 1;
      await current.commit();
      expect(current.news).toEqual({ id: session.id, secret: 0 });
    });

    it('is not over if the store could not be told', async () => {
      await comes(await world.stored()).load();
      world.store.isDown = true;
      await expect(current.destroy()).rejects.toThrow(SessionStoreError);
      expect(current.news).toBeUndefined();
    });
  });

  describe('saved', () => {
    it('is stored at once', async () => {
      const session = await current.load();
      session.a = 1;
      await session.save();
      expect(world.entriesOf(session.id)).toEqual({ a: 1 });
      expect(current.commit()).toBeUndefined();
    });

    it('fails if it was destroyed meanwhile', async () => {
      const id = await world.stored();
      const session = await comes(id).load();
      session.a = 1;
      world.store.drop(world.keyOf(id));
      await expect(session.save()).rejects.toThrow(SessionDestroyedError);
      await expect(session.save()).rejects.toThrow(SessionDestroyedError);
    });

    it('and not waited for is done before the commit', async () => {
      const session = await current.load();
      session.a = 1;
      const gate = world.store.hold('create');
      const saved = session.save();
      await gate.reached;
      const committed = current.commit();
      expect(committed).toBeDefined();
      gate.release();
      await Promise.all([saved, committed]);
      expect(current.news).toEqual({ id: session.id, secret: 0 });
      expect(world.store.count('create')).toBe(1);
    });
  });

  it.each(['save', 'destroy', 'regenerate'])('refuses a callback: %s', async (method) => {
    const session = (await comes().load()) as unknown as Record<string, (done: unknown) => void>;
    expect(() => session[method]!(() => undefined)).toThrow(
      expect.objectContaining({
        code: 'SESSION_CALLBACK',
        message: expect.stringContaining('await'),
      }),
    );
  });

  describe('once its response has begun', () => {
    const begun = async (id?: string): Promise<void> => {
      await comes(id).load();
      client.isOpen = false;
    };

    it.each(['create', 'regenerate'] as const)('refuses %s', async (operation) => {
      const id = await world.stored({ user: 1 });
      await begun(id);
      await expect(current[operation]()).rejects.toMatchObject({ code: 'SESSION_RESPONSE_BEGUN' });
      expect(world.entriesOf(id)).toEqual({ user: 1 });
    });

    it('refuses to save a new one, which nobody could be told of', async () => {
      await begun();
      const session = await current.load();
      session.a = 1;
      await expect(session.save()).rejects.toMatchObject({ code: 'SESSION_RESPONSE_BEGUN' });
      expect(world.store.calls).toEqual([]);
    });

    it('saves one that is stored', async () => {
      const id = await world.stored();
      await begun(id);
      const session = await current.load();
      session.visits = 2;
      await session.save();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
    });

    it('destroys', async () => {
      const id = await world.stored();
      await begun(id);
      await current.destroy();
      expect(world.entriesOf(id)).toBeUndefined();
    });
  });

  describe('asked for several things at once', () => {
    it('does them in their order', async () => {
      const id = await world.stored({ user: 1 });
      const session = await comes(id).load();
      session.user = 2;
      await Promise.all([current.save(), current.regenerate(), current.save()]);
      expect(world.entriesOf(session.id)).toEqual({ user: 2 });
      expect(await world.find(id)).toBeUndefined();
    });

    it('stores no more after the store failed, since that may have been stored', async () => {
      const session = await comes(await world.stored({ user: 1 })).load();
      session.user = 2;
      world.store.before('update', () => {
        throw new SessionStoreError();
      });
      const [failed, done] = await Promise.allSettled([current.save(), current.save()]);
      expect([failed.status, done.status]).toEqual(['rejected', 'rejected']);
      expect(world.entriesOf(session.id)).toEqual({ user: 1 });
      await expect(current.commit()).rejects.toThrow(SessionStoreError);
    });
  });

  describe('by its manager', () => {
    it('is the same', async () => {
      const id = await world.stored({ user: 1 });
      const manager = new SessionManager({ current: comes(id) });
      const session = await manager.current();
      session.user = 2;
      await manager.save();
      expect(world.entriesOf(id)).toEqual({ user: 2 });
      await manager.regenerate({ keep: false });
      expect(session.size).toBe(0);
      expect((await manager.create()).id).not.toBe(session.id);
      await manager.destroy();
      expect(current.news).toBe('over');
    });
  });

  describe('that is only read', () => {
    it('is read and renewed by one command, holds nothing, and commits nothing', async () => {
      const id = await world.stored({ cart: { items: ['apple'] }, visits: 1 });
      const session = await comes(id).load({ readOnly: true });
      expect(session.toJSON()).toEqual({ cart: { items: ['apple'] }, visits: 1 });
      expect([client.uses, client.reads]).toEqual([0, 1]);
      expect(current.commit(true)).toBeUndefined();
      expect(world.store.calls).toEqual(['find']);
    });

    it('refuses whatever would change it', async () => {
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

    it('shows what the same request wrote elsewhere, which is stored', async () => {
      const id = await world.stored({ cart: ['apple'] });
      const reader = await comes(id).load({ readOnly: true });
      const writer = await current.load();
      writer.cart.push('pear');
      expect(client.uses).toBe(1);
      expect(reader.cart).toEqual(['apple', 'pear']);
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ cart: ['apple', 'pear'] });
      expect(world.store.calls).toEqual(['find', 'update']);
    });
  });

  describe('that a route can do without in an outage', () => {
    it('is the session, if the store can be read', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comes(id).load({ onOutage: 'anonymous' });
      session.visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
    });

    it('is empty if not, refuses writes, and tells the client nothing', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.isDown = true;
      const session = await comes(id).load({ onOutage: 'anonymous' });
      expect([session.isNew, session.size, session.visits]).toEqual([true, 0, undefined]);
      expect(() => (session.visits = 2)).toThrow(SessionStoreError);
      for (const change of [session.save(), session.regenerate(), session.destroy()]) {
        await expect(change).rejects.toThrow(SessionStoreError);
      }
      expect(current.commit(true)).toBeUndefined();
      expect(current.news).toBeUndefined();
      expect(world.store.calls).toEqual(['find']);
    });

    it('is no remedy for anything but an outage', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.before('find', () => {
        throw new TypeError('a bug');
      });
      await expect(comes(id).load({ onOutage: 'anonymous' })).rejects.toThrow(TypeError);
    });

    it('is still refused to who cannot do without', async () => {
      const id = await world.stored({ visits: 1 });
      world.store.isDown = true;
      await comes(id).load({ onOutage: 'anonymous' });
      await expect(current.load()).rejects.toThrow(SessionStoreError);
      await expect(current.destroy()).rejects.toThrow(SessionStoreError);
    });
  });

  describe('where no client can be told an id', () => {
    const comesMute = (id?: string): CurrentSession => {
      comes(id);
      client.isOpen = false;
      client.isMute = true;
      return current;
    };

    it('takes changes, if there is one', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comesMute(id).load();
      session.visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
      expect(current.isGone).toBe(false);
    });

    it('says so at the first write, if there is none', async () => {
      const session = await comesMute().load();
      expect([session.isNew, session.size]).toEqual([true, 0]);
      expect(() => (session.visits = 1)).toThrow(
        expect.objectContaining({ code: 'SESSION_NO_RESPONSE' }),
      );
      await session.save();
      await session.destroy();
      expect(current.commit()).toBeUndefined();
      expect(world.store.calls).toEqual([]);
    });

    it('refuses a new id and a new session, and can be destroyed', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comesMute(id).load();
      const noResponse = expect.objectContaining({ code: 'SESSION_NO_RESPONSE' });
      await expect(session.regenerate()).rejects.toEqual(noResponse);
      await expect(current.create()).rejects.toEqual(noResponse);
      expect(world.entriesOf(id)).toEqual({ visits: 1 });
      await session.destroy();
      expect(world.entriesOf(id)).toBeUndefined();
      const next = await current.load();
      expect(() => (next.visits = 1)).toThrow(noResponse);
    });

    it('leaves a persistent cookie that is due to who can send it', async () => {
      world = new SessionWorld({ persistentCookie: true });
      const id = await world.stored({ visits: 1 });
      world.clock.pass(601);
      await comesMute(id).load();
      expect(current.commit(true)).toBeUndefined();
      await comes(id).load();
      expect(current.commit(true)).toBeInstanceOf(Promise);
    });

    it('knows when it is gone', async () => {
      const id = await world.stored({ visits: 1 });
      const session = await comesMute(id).load();
      session.visits = 2;
      world.store.drop(world.keyOf(id));
      await current.commit();
      expect(current.isGone).toBe(true);
    });
  });

  it('of an id that no session has may be refused', async () => {
    comes('A'.repeat(43));
    client.onStranger = () => {
      throw new Error('a stranger');
    };
    await expect(current.load()).rejects.toThrow('a stranger');
    await expect(current.destroy()).rejects.toThrow('a stranger');
  });

  describe('that is only looked for', () => {
    const peek = () => new SessionManager({ current }).peek();

    it('is none for a visitor without one, at no cost', async () => {
      expect(await peek()).toBeUndefined();
      expect(world.store.calls).toEqual([]);
    });

    it('is none if the id is no good', async () => {
      comes(await world.stored());
      world.store.drop(world.store.keys[0]!);
      expect(await peek()).toBeUndefined();
    });

    it('is the one in the store', async () => {
      comes(await world.stored({ visits: 1 }));
      expect((await peek())?.visits).toBe(1);
    });

    it('is the one that this request has begun, until it ends it', async () => {
      (await current.load()).visits = 1;
      expect((await peek())?.visits).toBe(1);
      await current.destroy();
      expect(await peek()).toBeUndefined();
    });
  });
});
