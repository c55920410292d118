import { describe, expect, it } from '@jest/globals';

import {
  SessionDestroyedError,
  SessionLimitError,
  SessionStoreError,
  SessionValueError,
} from '../../../src/session/errors.js';
import {
  begin,
  comes,
  handleOf,
  handles,
  signIn,
  useUsersWorld,
  userOf,
  users,
  world,
} from './users-world.js';

describe("a user's sessions", () => {
  useUsersWorld();

  describe('signing in', () => {
    it('binds a new session to the user, and stores it at once', async () => {
      const current = comes();
      const session = await current.signIn('ada');
      expect(session.userId).toBe('ada');
      expect(current.idUpdate).toEqual({ id: session.id, secret: 0 });
      expect(await userOf(session.id)).toBe('ada');
    });

    it('gives a stored session a new id, with its entries', async () => {
      const id = await world.stored({ cart: ['apple'], step: 2 });
      const session = await comes(id).signIn('ada');
      expect(session.id).not.toBe(id);
      expect(session.toJSON()).toEqual({ cart: ['apple'], step: 2 });
      expect(world.entriesOf(session.id)).toEqual({ cart: ['apple'], step: 2 });
      expect(await userOf(id)).toBeUndefined();
    });

    it.each([
      [true, { cart: 1, step: 2 }],
      [false, {}],
      [['cart'], { cart: 1 }],
    ])('keeps the given entries: %j', async (keep, entries) => {
      const id = await world.stored({ cart: 1, step: 2 });
      const session = await comes(id).signIn('ada', { keep });
      expect(session.toJSON()).toEqual(entries);
      expect(world.entriesOf(session.id)).toEqual(entries);
      const fresh = comes();
      Object.assign(await fresh.load(), { cart: 1, step: 2 });
      const second = await fresh.signIn('ada', { keep });
      expect(world.entriesOf(second.id)).toEqual(entries);
    });

    it('keeps a message for a later request', async () => {
      const id = await world.stored();
      const current = comes(id);
      (await current.load()).flash('notice', 'Welcome');
      const session = await current.signIn('ada', { keep: false });
      expect(await (await comes(session.id).load()).flash('notice')).toBe('Welcome');
    });

    it('again gives a new id, and keeps one session in the list', async () => {
      const first = await signIn();
      const handle = await handleOf(first);
      const session = await signIn('ada', first.id);
      expect(session.id).not.toBe(first.id);
      expect(await handles()).toEqual([handle]);
      expect(await userOf(session.id)).toBe('ada');
    });

    it('as another user begins a new session', async () => {
      const current = comes(await world.stored({ cart: 1 }));
      const adas = await current.signIn('ada');
      adas.secret = 1;
      adas.flash('notice', 'Hello, Ada');
      await adas.save();
      const held = await comes(adas.id).load();
      world.clock.pass(60);

      const zoes = await comes(adas.id).signIn('zoe', { keep: ['secret', 'cart'] });
      expect(zoes.userId).toBe('zoe');
      expect(zoes.toJSON()).toEqual({});
      expect(await zoes.flash('notice')).toBeUndefined();
      expect(zoes.createdAt).toEqual(new Date(world.clock.now()));
      expect(await users.list('ada')).toEqual([]);
      expect(await userOf(adas.id)).toBeUndefined();
      held.secret = 2;
      await expect(held.save()).rejects.toThrow(SessionDestroyedError);
      expect(world.entriesOf(zoes.id)).toEqual({});
    });

    it.each([
      ['a number', 7],
      ['nothing', undefined],
      ['an empty string', ''],
      ['256 characters', 'x'.repeat(256)],
      ['half a character', 'a\ud800'],
    ])('refuses %s as a user id', async (_what, userId) => {
      const current = comes();
      await expect(current.signIn(userId as string)).rejects.toThrow(SessionValueError);
      await expect(users.list(userId as string)).rejects.toThrow(SessionValueError);
      await current.commit();
      expect(world.store.calls).toEqual([]);
    });

    it.each(['x'.repeat(255), 'Zoë 😀', 'a\r\nflush_all', '__proto__', '0'])(
      'accepts %j as a user id, and stores only keys of the usual form',
      async (userId) => {
        const session = await signIn(userId);
        expect(await userOf(session.id)).toBe(userId);
        expect(await users.list(userId)).toHaveLength(1);
        for (const key of world.store.keys) expect(key).toMatch(/^sess:[\w-]{43}$/);
      },
    );

    it('fails as a whole with the store, and signs no user in', async () => {
      const id = await world.stored();
      for (const operation of ['find', 'create', 'update'] as const) {
        const current = comes(id);
        await current.load();
        world.store.before(operation, () => Promise.reject(new SessionStoreError()));
        await expect(current.signIn('ada')).rejects.toThrow(SessionStoreError);
        await expect(current.commit()).rejects.toThrow(SessionStoreError);
        expect(await userOf(id)).toBeUndefined();
        expect(await users.list('ada')).toEqual([]);
      }
    });

    it.each([
      ['the same user', 'ada', 'ada'],
      ['two users', 'ada', 'zoe'],
    ])('with one id in two requests is two sessions: %s', async (_who, first, second) => {
      const id = await world.stored({ cart: 1, step: 2 });
      const [one, other] = [comes(id), comes(id, world.anotherProcess())];
      Object.assign(await one.load(), { mine: 1 });
      Object.assign(await other.load(), { mine: 2 });
      const sessions = await Promise.all([
        one.signIn(first, { keep: ['cart', 'mine'] }),
        other.signIn(second, { keep: ['cart', 'mine'] }),
      ]);
      expect(new Set([id, ...sessions.map((session) => session.id)]).size).toBe(3);
      expect(world.entriesOf(sessions[0].id)).toEqual({ cart: 1, mine: 1 });
      expect(world.entriesOf(sessions[1].id)).toEqual({ cart: 1, mine: 2 });
      expect(await userOf(sessions[0].id)).toBe(first);
      expect(await userOf(sessions[1].id)).toBe(second);
      const users = [...new Set([first, second])];
      const all = await Promise.all(users.map((user) => handles(user)));
      expect(all.flat()).toHaveLength(2);
      expect(await userOf(id)).toBeUndefined();
    });

    it('as another user is done although the session got new ids in that moment', async () => {
      const { id } = await signIn('zoe');
      const [follower, border] = [comes(id, world.anotherProcess()), comes(id)];
      const current = comes(id, world.anotherProcess());
      await Promise.all([follower.load(), border.load(), current.load()]);
      world.store.before('remove', () => follower.regenerate());
      world.store.before('remove', () => border.regenerate({ keep: ['cart'] }));
      const session = await current.signIn('ada');
      expect(await handles()).toHaveLength(1);
      expect(await userOf(session.id)).toBe('ada');
    });

    it('again ends the session for requests in flight', async () => {
      const { id } = await signIn();
      const late = await comes(id, world.anotherProcess()).load();
      const session = await signIn('ada', id);
      await expect(late.regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(await handles()).toEqual([await handleOf(session)]);
    });

    it('as another user that is refused late leaves the session unchanged', async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const { id } = await signIn('zoe');
      const current = comes(id);
      await current.load();
      world.store.before('create', () => undefined);
      const gate = world.store.hold('create');
      const slow = current.signIn('ada');
      await gate.reached;
      world.clock.pass(5);
      await signIn('ada');
      gate.release();
      await expect(slow).rejects.toThrow(SessionLimitError);
      expect(await userOf(id)).toBe('zoe');
      expect(await handles('zoe')).toHaveLength(1);
      expect(await handles('ada')).toHaveLength(1);
    });

    it.each([2, 6, 12])('again in %i requests at once is as many sessions', async (clicks) => {
      const { id } = await signIn();
      const processes = [world.repository, world.anotherProcess(), world.anotherProcess()];
      const requests = Array.from({ length: clicks }, (_, n) => comes(id, processes[n % 3]));
      await Promise.all(requests.map((request) => request.load()));
      const sessions = await Promise.all(requests.map((request) => request.signIn('ada')));
      expect(await handles()).toHaveLength(clicks);
      for (const session of sessions) expect(await userOf(session.id)).toBe('ada');
      expect(await handles()).toHaveLength(clicks);
      expect(await users.revokeAll('ada')).toBe(clicks);
      for (const session of sessions) {
        for (const process of processes) expect(await userOf(session.id, process)).toBeUndefined();
      }
    });

    it('during a scheduled rotation keeps both ids valid', async () => {
      begin({ rotateEvery: 600 });
      const id = await world.stored({ cart: 1 });
      world.clock.pass(600);
      const [renewing, signingIn] = [comes(id), comes(id)];
      const [renewed] = [await renewing.load(), await signingIn.load()];
      await renewing.commit(true);
      const session = await signingIn.signIn('ada');
      expect(world.entriesOf(renewed.id)).toEqual({ cart: 1 });
      expect(await userOf(renewed.id)).toBeUndefined();
      expect(await userOf(session.id)).toBe('ada');
      expect(world.entriesOf(session.id)).toEqual({ cart: 1 });
      expect(await world.find(id)).toBeUndefined();
    });

    it('in place of a session that was ended meanwhile begins an empty one', async () => {
      for (const repository of [world.repository, world.anotherProcess()]) {
        const id = await world.stored({ cart: 1 });
        const current = comes(id);
        const before = await current.load();
        before.mine = 1;
        await (await comes(id, repository).load()).destroy();
        const session = await current.signIn('ada');
        expect(session.toJSON()).toEqual({});
        expect(await userOf(session.id)).toBe('ada');
        expect(() => void (before.late = 1)).toThrow(SessionDestroyedError);
        session.own = 1;
        await current.commit();
        expect(world.entriesOf(session.id)).toEqual({ own: 1 });
      }
      expect(await handles()).toHaveLength(2);
    });

    describe('is a border', () => {
      const held = async (id: string) => {
        const current = comes(id, world.anotherProcess());
        return { current, session: await current.load() };
      };

      it.each<[string, string | undefined, boolean]>([
        ['of an anonymous session', undefined, true],
        ['of an anonymous session, with nothing kept', undefined, false],
        ['of the same user again', 'ada', true],
        ["of another user's session", 'zoe', true],
      ])('%s', async (_what, user, keep) => {
        const id = user
          ? (await signIn(user)).id
          : await world.stored({ cart: 1, notes: 'before' });
        const [writer, updater, ender, reader, mover, entrant] = await Promise.all(
          Array.from({ length: 6 }, () => held(id)),
        );
        const session = await comes(id).signIn('ada', { keep });
        session.notes = "ada's";
        session.flash('notice', 'for Ada');
        await session.save();

        writer!.session.shipTo = 'elsewhere';
        await expect(writer!.session.save()).rejects.toThrow(SessionDestroyedError);
        const seen: unknown[] = [];
        updater!.session.update('notes', (notes) => {
          seen.push(notes);
          return 'overwritten';
        });
        await updater!.current.commit();
        expect(updater!.current.isGone).toBe(true);
        expect(seen).not.toContain("ada's");
        await ender!.session.destroy();
        expect(await reader!.session.flash('notice')).toBeUndefined();
        expect(reader!.session.get('notes')).not.toBe("ada's");
        if (!user) expect((await mover!.session.regenerate()).id).not.toBe(session.id);
        await entrant!.session.signIn('eve');

        const { shipTo, notes } = world.entriesOf(session.id)!;
        expect([shipTo, notes]).toEqual([undefined, "ada's"]);
        expect(await userOf(session.id)).toBe('ada');
        expect(await userOf(session.id, world.anotherProcess())).toBe('ada');
        expect(await (await comes(session.id).load()).flash('notice')).toBe('for Ada');
        expect(await userOf(id)).toBeUndefined();
      });
    });

    it('does not change records of anonymous sessions', async () => {
      const id = await world.stored({ visits: 1 });
      const now = world.clock.now();
      expect(world.store.text(world.keyOf(id))?.slice(8)).toBe(
        `[2,"session",${now},${now},["visits",1]]\n1`,
      );
    });
  });

  describe('signing out', () => {
    it('ends the session, and removes it from the list', async () => {
      const session = await signIn();
      const current = comes(session.id);
      await (await current.load()).signOut();
      expect(current.idUpdate).toBe('over');
      expect(await userOf(session.id)).toBeUndefined();
      expect(await users.list('ada')).toEqual([]);
    });

    it('succeeds although the index cannot be updated', async () => {
      const session = await signIn();
      const current = comes(session.id);
      const loaded = await current.load();
      world.store.before('remove', () =>
        world.store.before('find', () => Promise.reject(new SessionStoreError())),
      );
      await loaded.signOut();
      await current.commit();
      expect(await userOf(session.id)).toBeUndefined();
      expect(await users.list('ada')).toEqual([]);
    });
  });

  it('are all listed after fifty parallel sign-ins in two processes', async () => {
    const processes = [world.repository, world.anotherProcess()];
    const sessions = await Promise.all(
      Array.from({ length: 50 }, (_, n) => comes(undefined, processes[n % 2]).signIn('ada')),
    );
    expect(await users.list('ada')).toHaveLength(50);
    expect(await users.revokeAll('ada')).toBe(50);
    for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
  });
});
