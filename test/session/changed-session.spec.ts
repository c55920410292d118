import { describe, expect, it } from '@jest/globals';

import { SessionDestroyedError, SessionStoreError } from '../../src/session/errors.js';
import { client, comes, current, useCurrentSession, world } from './current-session-world.js';

describe("a request's session", () => {
  useCurrentSession();

  describe('created', () => {
    it('replaces the previous session, which is destroyed', async () => {
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

    it("and left empty clears the client's cookie", async () => {
      comes(await world.stored());
      await current.create();
      await current.commit();
      expect(current.idUpdate).toBe('over');
    });

    it('and written to sends its id to the client', async () => {
      comes(await world.stored());
      const session = await current.create();
      session.user = 1;
      await current.commit();
      expect(current.idUpdate).toEqual({ id: session.id, secret: 0 });
    });

    it('is not created if the previous session could not be destroyed', async () => {
      const id = await world.stored({ user: 1 });
      const old = await comes(id).load();
      world.store.isDown = true;
      await expect(current.create()).rejects.toThrow(SessionStoreError);
      expect(await current.load()).toBe(old);
    });
  });

  describe('regenerated', () => {
    it('keeps its object, and sends its new id to the client', async () => {
      const id = await world.stored({ user: 1, cart: {} });
      const session = await comes(id).load();
      expect(await current.regenerate({ keep: ['user'] })).toBe(session);
      expect(session.id).not.toBe(id);
      expect(session.toJSON()).toEqual({ user: 1 });
      expect(current.idUpdate).toEqual({ id: session.id, secret: 0 });
    });

    it('fails if it was destroyed meanwhile', async () => {
      const id = await world.stored();
      await comes(id).load();
      world.store.drop(world.keyOf(id));
      await expect(current.regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(current.idUpdate).toBeUndefined();
    });
  });

  describe('destroyed', () => {
    it('has ended, and a new session replaces it', async () => {
      const id = await world.stored();
      const old = await comes(id).load();
      await current.destroy();
      expect(current.idUpdate).toBe('over');
      expect(world.entriesOf(id)).toBeUndefined();
      const session = await current.load();
      expect(session).not.toBe(old);
      expect(session.isNew).toBe(true);
    });

    it('without being read has ended, too', async () => {
      const id = await world.stored();
      await comes(id).destroy();
      expect(current.idUpdate).toBe('over');
      expect(world.store.keys).toEqual([]);
    });

    it('refuses all later operations', async () => {
      const old = await comes(await world.stored()).load();
      await old.destroy();
      expect(() => old.set('a', 1)).toThrow(SessionDestroyedError);
      await expect(old.save()).rejects.toThrow(SessionDestroyedError);
      await expect(old.regenerate()).rejects.toThrow(SessionDestroyedError);
      await old.destroy();
      expect(current.idUpdate).toBe('over');
    });

    it('a second time does not change the session that replaced it', async () => {
      const old = await comes(await world.stored()).load();
      await old.destroy();
      const next = await current.load();
      next.user = 1;
      await current.save();
      await old.destroy();
      expect(world.entriesOf(next.id)).toEqual({ user: 1 });
    });

    it('and written to again sends its id to the client', async () => {
      await comes(await world.stored()).destroy();
      const session = await current.load();
      session.user = 1;
      await current.commit();
      expect(current.idUpdate).toEqual({ id: session.id, secret: 0 });
    });

    it('has not ended if the store failed', async () => {
      await comes(await world.stored()).load();
      world.store.isDown = true;
      await expect(current.destroy()).rejects.toThrow(SessionStoreError);
      expect(current.idUpdate).toBeUndefined();
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

    it('without waiting is stored before the commit', async () => {
      const session = await current.load();
      session.a = 1;
      const gate = world.store.hold('create');
      const saved = session.save();
      await gate.reached;
      const committed = current.commit();
      expect(committed).toBeDefined();
      gate.release();
      await Promise.all([saved, committed]);
      expect(current.idUpdate).toEqual({ id: session.id, secret: 0 });
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

    it('refuses to save a new session, as its id cannot be sent any more', async () => {
      await begun();
      const session = await current.load();
      session.a = 1;
      await expect(session.save()).rejects.toMatchObject({ code: 'SESSION_RESPONSE_BEGUN' });
      expect(world.store.calls).toEqual([]);
    });

    it('saves a session that is stored', async () => {
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

  describe('with several operations at once', () => {
    it('runs them in order', async () => {
      const id = await world.stored({ user: 1 });
      const session = await comes(id).load();
      session.user = 2;
      await Promise.all([current.save(), current.regenerate(), current.save()]);
      expect(world.entriesOf(session.id)).toEqual({ user: 2 });
      expect(await world.find(id)).toBeUndefined();
    });

    it('stores nothing after a store error, as the failed write may have been stored', async () => {
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
});
