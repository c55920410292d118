import { beforeEach, describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../../src/session/current-session.js';
import type { SessionPolicy } from '../../../src/session/session-policy.js';
import { SessionRepository } from '../../../src/session/session-repository.js';
import type { SessionClient } from '../../../src/session/session-user.js';
import {
  SessionDestroyedError,
  SessionLimitError,
  SessionStoreError,
  SessionValueError,
} from '../../../src/session/session.errors.js';
import type { SessionStore } from '../../../src/session/session-store.js';
import type { Session } from '../../../src/session/session.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import { SessionWorld } from '../../support/session-world.js';

const BROWSER = { userAgent: 'Firefox', ip: '192.0.2.1' };

describe("a user's sessions", () => {
  let world: SessionWorld;
  let users: UserSessions;

  /** The application begins anew, with other options. */
  const begin = (policy: Partial<SessionPolicy> = {}): void => {
    world = new SessionWorld(policy);
    users = new UserSessions(world.repository.users, world.repository.generations);
  };

  beforeEach(() => begin());

  const comes = (
    id?: string,
    repository: SessionRepository = world.repository,
    client: SessionClient = BROWSER,
  ): CurrentSession =>
    new CurrentSession(repository, {
      presentedTicket: () => (id === undefined ? undefined : { id, secret: 0 }),
      onRead: () => undefined,
      onUse: () => undefined,
      isOpen: true,
      client: () => client,
    });

  /** Somebody signs in; answers the session. */
  const signIn = async (userId = 'ada', id?: string, repository?: SessionRepository) => {
    const session = await comes(id, repository).signIn(userId);
    await session.save();
    return session;
  };

  /** Who the sender of this id is, as a process sees it. */
  const userOf = async (id: string, repository?: SessionRepository): Promise<string | undefined> =>
    (await comes(id, repository).load()).userId;

  const indexKey = (userId = 'ada') => world.repository.users.keys.ofUser(userId, 0);

  const handles = async (userId = 'ada'): Promise<string[]> =>
    (await users.list(userId)).map(({ handle }) => handle);

  const handleOf = async (session: Session): Promise<string> =>
    (await users.list(session.userId!, { current: session })).find(({ current }) => current)!
      .handle;

  describe('signing in', () => {
    it('binds a new session to the user, and stores it at once', async () => {
      const current = comes();
      const session = await current.signIn('ada');
      expect(session.userId).toBe('ada');
      expect(current.news).toEqual({ id: session.id, secret: 0 });
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
    ])('keeps what it is told to: %j', async (keep, entries) => {
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

    it('again gives a new id, and leaves one session in the list', async () => {
      const first = await signIn();
      const handle = await handleOf(first);
      const session = await signIn('ada', first.id);
      expect(session.id).not.toBe(first.id);
      expect(await handles()).toEqual([handle]);
      expect(await userOf(session.id)).toBe('ada');
    });

    it('as somebody else begins a session of its own', async () => {
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
      'takes %j as a user id, and stores no key of another form',
      async (userId) => {
        const session = await signIn(userId);
        expect(await userOf(session.id)).toBe(userId);
        expect(await users.list(userId)).toHaveLength(1);
        for (const key of world.store.keys) expect(key).toMatch(/^sess:[\w-]{43}$/);
      },
    );

    it('fails as a whole if the store does, and leaves nobody signed in', async () => {
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

    it('again leaves no request under way signed in beside it', async () => {
      const { id } = await signIn();
      const late = await comes(id, world.anotherProcess()).load();
      const session = await signIn('ada', id);
      await expect(late.regenerate()).rejects.toThrow(SessionDestroyedError);
      expect(await handles()).toEqual([await handleOf(session)]);
    });

    it('as somebody else that is refused late leaves the session as it was', async () => {
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

    it('again in two requests at once is two sessions', async () => {
      const { id } = await signIn();
      const [one, other] = [comes(id), comes(id, world.anotherProcess())];
      await Promise.all([one.load(), other.load()]);
      const sessions = await Promise.all([one.signIn('ada'), other.signIn('ada')]);
      for (const session of sessions) expect(await userOf(session.id)).toBe('ada');
      expect(await handles()).toHaveLength(2);
      expect(await users.revokeAll('ada')).toBe(2);
      for (const session of sessions) expect(await userOf(session.id)).toBeUndefined();
    });

    it('while the id is renewed by the time leaves both ids good', async () => {
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

    it('in place of a session that was ended meanwhile begins one that has nothing of it', async () => {
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
        ["from nobody's to a user's", undefined, true],
        ["from nobody's, with nothing kept", undefined, false],
        ['of the same user again', 'ada', true],
        ["from another user's", 'zoe', true],
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

    it('leaves records of anonymous sessions as they were', async () => {
      const id = await world.stored({ visits: 1 });
      const now = world.clock.now();
      expect(world.store.text(world.keyOf(id))?.slice(8)).toBe(
        `[2,"session",${now},${now},["visits",1]]\n1`,
      );
    });
  });

  describe('signing out', () => {
    it('ends the session, and takes it out of the list', async () => {
      const session = await signIn();
      const current = comes(session.id);
      await (await current.load()).signOut();
      expect(current.news).toBe('over');
      expect(await userOf(session.id)).toBeUndefined();
      expect(await users.list('ada')).toEqual([]);
    });

    it('is done though the index cannot be told', async () => {
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

  describe('the list', () => {
    it('says what the user may know of each, the last seen first', async () => {
      const first = await signIn();
      world.clock.pass(100);
      const second = await comes(undefined, undefined, { userAgent: 'curl' }).signIn('ada');
      const began = new Date(world.clock.now() - 100_000);
      const now = new Date(world.clock.now());
      const in20Minutes = (date: Date) => new Date(date.getTime() + 1_200_000);
      const handle = expect.stringMatching(/^[\w-]{22}$/);
      expect(await users.list('ada', { current: second })).toEqual([
        {
          ...{ handle, createdAt: now, lastSeenAt: now, expiresAt: in20Minutes(now) },
          ...{ userAgent: 'curl', ip: undefined, current: true },
        },
        {
          ...{ handle, createdAt: began, lastSeenAt: began, expiresAt: in20Minutes(began) },
          ...{ ...BROWSER, current: false },
        },
      ]);
      expect(JSON.stringify(await users.list('ada'))).not.toContain(first.id);
    });

    it('cuts what comes from outside', async () => {
      const client = { userAgent: 'x'.repeat(5000), ip: '1'.repeat(5000) };
      await comes(undefined, undefined, client).signIn('ada');
      const [info] = await users.list('ada');
      expect([info?.userAgent?.length, info?.ip?.length]).toEqual([256, 64]);
    });

    it('is empty for whom nobody signed in as', async () => {
      await signIn('ada');
      expect(await users.list('zoe')).toEqual([]);
    });

    it('never shows a session whose record is gone, and drops it', async () => {
      const [gone, there] = [await signIn(), await signIn()];
      world.store.drop(world.keyOf(gone.id));
      expect(await handles()).toEqual([await handleOf(there)]);
      world.clock.pass(61);
      await users.list('ada');
      await expect(world.repository.users.indexes.find(indexKey(), false)).resolves.toMatchObject({
        index: { sessions: [{}] },
      });
    });

    it('keeps the place of a sign-in whose record is on its way, and does not show it', async () => {
      const gate = world.store.hold('create');
      const first = comes().signIn('ada');
      await gate.reached;
      // The index itself is created first.
      const record = world.store.hold('create');
      gate.release();
      await record.reached;
      expect(await users.list('ada')).toEqual([]);
      record.release();
      expect(await userOf((await first).id)).toBe('ada');
      expect(await users.list('ada')).toHaveLength(1);
    });

    it('does not show a session past its absolute deadline', async () => {
      await signIn();
      world.clock.pass(86_400);
      expect(await users.list('ada')).toEqual([]);
    });

    it('refuses what is no session as the current one', async () => {
      await expect(users.list('ada', { current: {} as Session })).rejects.toThrow(
        SessionValueError,
      );
      await expect(users.revokeAll('ada', { except: 'id' as never })).rejects.toThrow(
        SessionValueError,
      );
    });

    it('tells when a session was last seen, to within a minute', async () => {
      const session = await signIn();
      world.clock.pass(59);
      await userOf(session.id);
      world.clock.pass(300);
      await userOf(session.id);
      await new Promise(setImmediate);
      const [info] = await users.list('ada');
      expect(info?.lastSeenAt).toEqual(new Date(world.clock.now()));
      expect(info?.createdAt).toEqual(session.createdAt);
    });
  });

  describe('a check of the index', () => {
    it('costs one read, once a minute for each process', async () => {
      const session = await signIn();
      const other = world.anotherProcess();
      world.store.calls.length = 0;
      for (let n = 0; n < 100; n++) await userOf(session.id);
      expect(world.store.count('find')).toBe(101);
      for (let n = 0; n < 100; n++) await userOf(session.id, other);
      expect(world.store.count('find')).toBe(202);
      world.clock.pass(59);
      await userOf(session.id);
      expect(world.store.count('find')).toBe(203);
      world.clock.pass(1);
      await userOf(session.id);
      expect(world.store.count('find')).toBe(205);
      await new Promise(setImmediate);
      expect(world.store.count('update')).toBe(1);
    });

    it('is one for the requests of a page', async () => {
      const session = await signIn();
      world.store.calls.length = 0;
      await Promise.all(Array.from({ length: 10 }, () => userOf(session.id)));
      expect(world.store.count('find')).toBe(11);
    });

    it('costs nobody anything who is not signed in', async () => {
      const id = await world.stored();
      world.store.calls.length = 0;
      await userOf(id);
      expect(world.store.calls).toEqual(['find']);
    });

    it('lets the index outlive the sessions in it', async () => {
      const session = await signIn();
      await userOf(session.id);
      expect(world.store.lives.get(indexKey())).toBe(2400);
    });

    it('fails as any read does while the store is down', async () => {
      const session = await signIn();
      let finds = 0;
      world.store.before('find', () => void finds++);
      world.store.before('find', () => Promise.reject(new SessionStoreError()));
      await expect(userOf(session.id)).rejects.toThrow(SessionStoreError);
      expect(await userOf(session.id)).toBe('ada');
    });

    it('takes an index that cannot be read for one that names nobody', async () => {
      const session = await signIn();
      world.put(indexKey(), '[2,"?"]');
      expect(await userOf(session.id)).toBeUndefined();
      expect(world.warnings).toHaveLength(1);
      const again = await signIn();
      expect(await userOf(again.id)).toBe('ada');
    });
  });

  describe('revoking one', () => {
    it('ends it in every process, and no other', async () => {
      const [one, other] = [await signIn(), await signIn()];
      const second = world.anotherProcess();
      await userOf(one.id, second);
      expect(await users.revoke('ada', await handleOf(one))).toBe(true);
      expect(await userOf(one.id)).toBeUndefined();
      expect(await userOf(one.id, second)).toBeUndefined();
      expect(await userOf(other.id)).toBe('ada');
      expect(await handles()).toEqual([await handleOf(other)]);
    });

    it('says if there is no such session', async () => {
      const session = await signIn();
      const handle = await handleOf(session);
      expect(await users.revoke('zoe', handle)).toBe(false);
      expect(await users.revoke('ada', 'x')).toBe(false);
      expect(await users.revoke('ada', handle)).toBe(true);
      expect(await users.revoke('ada', handle)).toBe(false);
    });

    it('is not undone by a request under way', async () => {
      const session = await signIn();
      const held = comes(session.id, world.anotherProcess());
      (await held.load()).late = true;
      await users.revoke('ada', await handleOf(session));
      await held.commit();
      expect(held.news).toBeUndefined();
      expect(await userOf(session.id)).toBeUndefined();
      expect(world.entriesOf(session.id)).toBeUndefined();
    });
  });

  describe('revoking all', () => {
    it('ends all, and counts them', async () => {
      const sessions = [await signIn(), await signIn(), await signIn('zoe')];
      expect(await users.revokeAll('ada')).toBe(2);
      expect(await Promise.all(sessions.map(({ id }) => userOf(id)))).toEqual([
        undefined,
        undefined,
        'zoe',
      ]);
      expect(await users.revokeAll('ada')).toBe(0);
    });

    it('but the one that is excepted', async () => {
      const [one, other] = [await signIn(), await signIn()];
      const session = await comes(one.id).load();
      expect(await users.revokeAll('ada', { except: session })).toBe(1);
      await session.regenerate();
      expect(await userOf(session.id)).toBe('ada');
      expect(await userOf(other.id)).toBeUndefined();
    });

    it("excepts nobody for a session that is somebody else's", async () => {
      const [adas, zoes] = [await signIn('ada'), await signIn('zoe')];
      expect(await users.revokeAll('ada', { except: zoes })).toBe(1);
      expect(await userOf(adas.id)).toBeUndefined();
      expect(await userOf(zoes.id)).toBe('zoe');
    });

    it('can be tried again if the store failed in between', async () => {
      const session = await signIn();
      const handle = await handleOf(session);
      world.store.before('remove', () => Promise.reject(new SessionStoreError()));
      await expect(users.revokeAll('ada')).rejects.toThrow(SessionStoreError);
      expect(world.entriesOf(session.id)).toBeDefined();
      expect(await users.list('ada')).toEqual([]);
      expect(await users.revokeAll('ada')).toBe(1);
      expect(world.entriesOf(session.id)).toBeUndefined();
      expect(await users.revoke('ada', handle)).toBe(false);
    });

    it('ends a session whose sign-in was under way', async () => {
      const gate = world.store.hold('create');
      const signingIn = comes().signIn('ada');
      await gate.reached;
      const record = world.store.hold('create');
      gate.release();
      await record.reached;
      await users.revokeAll('ada');
      record.release();
      const session = await signingIn;
      expect(await userOf(session.id)).toBeUndefined();
      expect(await userOf(session.id, world.anotherProcess())).toBeUndefined();
      expect(world.entriesOf(session.id)).toBeUndefined();
    });

    it.each(['create', 'update', 'find'] as const)(
      'ends a session that is about to get a new id: at its %s',
      async (operation) => {
        const session = await signIn();
        const current = comes(session.id);
        const moving = await current.load();
        const other = world.anotherProcess();
        const gate = world.store.hold(operation);
        const regenerating = moving.regenerate().catch((error: unknown) => error);
        await gate.reached;
        expect(await new UserSessions(other.users, other.generations).revokeAll('ada')).toBe(1);
        gate.release();
        expect(await regenerating).toBeInstanceOf(SessionDestroyedError);
        expect(await userOf(session.id)).toBeUndefined();
        expect(await userOf(moving.id)).toBeUndefined();
        expect(world.store.keys.filter((key) => world.entriesAt(key))).toEqual([]);
      },
    );
  });

  describe('if the index is lost', () => {
    const lose = () => world.store.drop(indexKey());

    it('nobody of the user is signed in any more, within a minute', async () => {
      const session = await signIn();
      await userOf(session.id);
      lose();
      expect(await userOf(session.id)).toBe('ada');
      expect(await userOf(session.id, world.anotherProcess())).toBeUndefined();
      world.clock.pass(60);
      expect(await userOf(session.id)).toBeUndefined();
      expect(world.entriesOf(session.id)).toBeUndefined();
    });

    it('revoking all ends those that it named', async () => {
      const sessions = [await signIn(), await signIn()];
      for (const { id } of sessions) await userOf(id);
      lose();
      await users.revokeAll('ada');
      for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
    });

    it('those that were revoked stay so', async () => {
      const sessions = [await signIn(), await signIn()];
      await users.revokeAll('ada');
      lose();
      const again = await signIn();
      for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
      expect(await userOf(again.id)).toBe('ada');
    });

    it('a new sign-in does not bring the others back', async () => {
      const session = await signIn();
      lose();
      const again = await signIn();
      expect(await userOf(session.id)).toBeUndefined();
      expect(await handles()).toEqual([await handleOf(again)]);
    });

    it('signing in again with the session is enough', async () => {
      const session = await signIn();
      await userOf(session.id);
      lose();
      const again = await signIn('ada', session.id);
      expect(await userOf(again.id)).toBe('ada');
      expect(await handles()).toHaveLength(1);
    });
  });

  describe('through new ids', () => {
    it('keep their place and their handle', async () => {
      const session = await signIn();
      const handle = await handleOf(session);
      const current = comes(session.id);
      const moved = await current.regenerate({ keep: false });
      expect(moved.userId).toBe('ada');
      world.store.drop(world.keyOf(session.id)); // the way from the old id is over
      expect(await handles()).toEqual([handle]);
      expect(await userOf(moved.id)).toBe('ada');
      expect(await users.revoke('ada', handle)).toBe(true);
      expect(await userOf(moved.id)).toBeUndefined();
    });

    describe('given twice at once', () => {
      const twice = async (keep?: string[]) => {
        const { id } = await signIn();
        const [one, other] = [comes(id), comes(id, world.anotherProcess())];
        await Promise.all([one.load(), other.load()]);
        return Promise.all(
          [one, other].map((current) => current.regenerate({ keep: keep ?? true })),
        );
      };

      it.each([
        ['all', undefined],
        ['some', ['cart']],
      ])('are one session with two ids: keeping %s', async (_what, keep) => {
        begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
        const sessions = await twice(keep);
        for (const process of [world.repository, world.anotherProcess()]) {
          for (const { id } of sessions) expect(await userOf(id, process)).toBe('ada');
        }
        expect(await handles()).toHaveLength(1);
        await expect(signIn()).rejects.toThrow(SessionLimitError);
        await new Promise(setImmediate);
        expect(await users.revokeAll('ada')).toBe(1);
        for (const { id } of sessions) expect(world.entriesOf(id)).toBeUndefined();
      });

      it.each([0, 1])('are ended by a sign-out with either: %i', async (which) => {
        const sessions = await twice();
        await (await comes(sessions[which]!.id).load()).signOut();
        for (const { id } of sessions) expect(world.entriesOf(id)).toBeUndefined();
        expect(await handles()).toEqual([]);
      });

      it.each([0, 1])('are ended by signing in again with either: %i', async (which) => {
        const sessions = await twice();
        const session = await signIn('ada', sessions[which]!.id);
        for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
        expect(await userOf(session.id)).toBe('ada');
        expect(await handles()).toHaveLength(1);
      });

      it('are ended by who had read it before', async () => {
        const { id } = await signIn();
        const all = [comes(id), comes(id), comes(id)];
        await Promise.all(all.map((current) => current.load()));
        const sessions = [await all[0]!.regenerate(), await all[1]!.regenerate()];
        await all[2]!.destroy();
        for (const session of sessions) expect(world.entriesOf(session.id)).toBeUndefined();
      });

      it('are no more than a few', async () => {
        const { id } = await signIn();
        const all = Array.from({ length: 9 }, () => comes(id));
        await Promise.all(all.map((current) => current.load()));
        const sessions: Session[] = [];
        for (const current of all) sessions.push(await current.regenerate());
        expect(await users.revokeAll('ada')).toBe(1);
        for (const session of sessions) expect(world.entriesOf(session.id)).toBeUndefined();
      });
    });

    it('by the time, too', async () => {
      begin({ rotateEvery: 600 });
      const session = await signIn();
      const handle = await handleOf(session);
      world.clock.pass(600);
      const current = comes(session.id);
      const renewed = await current.load();
      await current.commit(true);
      expect(renewed.id).not.toBe(session.id);
      world.store.drop(world.keyOf(session.id));
      expect(await handles()).toEqual([handle]);
      expect(await users.revokeAll('ada')).toBe(1);
      expect(await userOf(renewed.id)).toBeUndefined();
    });

    it('are found by the next check if the index could not be told', async () => {
      const session = await signIn();
      const handle = await handleOf(session);
      const moving = await comes(session.id).load();
      world.store.before('update', () =>
        world.store.before('find', () => Promise.reject(new SessionStoreError())),
      );
      await moving.regenerate();
      world.clock.pass(61);
      expect(await userOf(moving.id)).toBe('ada');
      await new Promise(setImmediate);
      world.store.drop(world.keyOf(session.id));
      expect(await handles()).toEqual([handle]);
    });

    it('are not lost by a request that had read the old one', async () => {
      const session = await signIn();
      const late = comes(session.id, world.anotherProcess());
      world.store.before('find', () => undefined);
      const index = world.store.hold('find');
      const loading = late.load();
      await index.reached;
      const moved = await comes(session.id).regenerate();
      index.release();
      await loading;
      await new Promise(setImmediate);
      world.store.drop(world.keyOf(session.id));
      expect(await users.revokeAll('ada')).toBe(1);
      expect(await userOf(moved.id)).toBeUndefined();
    });
  });

  describe('of several secrets', () => {
    const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)];

    /** The same store, in a process whose secrets are these. */
    const withSecrets = (...secrets: string[]) =>
      new SessionRepository(world.store, { ...world.policy, secrets });

    it('are those of all of them', async () => {
      begin({ secrets: [old] });
      const session = await signIn();
      const rotated = withSecrets(fresh, old);
      const comesOld = () =>
        new CurrentSession(rotated, {
          presentedTicket: () => ({ id: session.id, secret: 1 }),
          onRead: () => undefined,
          onUse: () => undefined,
          isOpen: true,
        });
      expect((await comesOld().load()).userId).toBe('ada');
      const newer = await signIn('ada', undefined, rotated);
      const all = new UserSessions(rotated.users, rotated.generations);
      expect(await all.list('ada')).toHaveLength(2);

      const moved = await comesOld().regenerate();
      expect(await all.list('ada')).toHaveLength(2);
      const later = withSecrets(fresh);
      expect(await userOf(moved.id, later)).toBe('ada');
      expect(await userOf(newer.id, later)).toBe('ada');
      expect(await all.revokeAll('ada')).toBe(2);
      expect(await userOf(moved.id, later)).toBeUndefined();
    });
  });

  describe('with a most', () => {
    it('end the oldest', async () => {
      begin({ maxSessionsPerUser: 2 });
      const [first, second] = [await signIn(), await signIn()];
      await userOf(first.id);
      const third = await signIn();
      expect(await userOf(first.id)).toBeUndefined();
      expect(world.entriesOf(first.id)).toBeUndefined();
      expect(await userOf(second.id)).toBe('ada');
      expect(await userOf(third.id)).toBe('ada');
      expect(await users.list('ada')).toHaveLength(2);
    });

    it('refuse one more, and the visitor stays as before', async () => {
      begin({ maxSessionsPerUser: 2, whenTooMany: 'refuse' });
      const [first] = [await signIn(), await signIn()];
      const id = await world.stored({ cart: 1 });
      const current = comes(id);
      const session = await current.load();
      await expect(session.signIn('ada')).rejects.toMatchObject({
        code: 'SESSION_LIMIT',
        statusCode: 409,
      });
      session.cart = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ cart: 2 });

      await (await comes(first.id).load()).signOut();
      expect((await session.signIn('ada')).userId).toBe('ada');
      await expect(signIn()).rejects.toThrow(SessionLimitError);
    });

    it("refuse it before another one's session is ended", async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const [, zoes] = [await signIn('ada'), await signIn('zoe')];
      await expect(signIn('ada', zoes.id)).rejects.toThrow(SessionLimitError);
      expect(await userOf(zoes.id)).toBe('zoe');
    });

    it('take the same session again', async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const session = await signIn();
      const again = await signIn('ada', session.id);
      expect(await userOf(again.id)).toBe('ada');
    });

    it('do not count sessions that are gone', async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const session = await signIn();
      world.store.drop(world.keyOf(session.id));
      world.clock.pass(60);
      expect((await signIn()).userId).toBe('ada');
    });

    it.each(['end-oldest', 'refuse'] as const)(
      'are never more, however many sign in at once: %s',
      async (whenTooMany) => {
        begin({ maxSessionsPerUser: 3, whenTooMany });
        const processes = [world.repository, world.anotherProcess()];
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, n) => comes(undefined, processes[n % 2]).signIn('ada')),
        );
        const sessions = results.flatMap((result) =>
          result.status === 'fulfilled' ? [result.value] : [],
        );
        if (whenTooMany === 'refuse') expect(sessions).toHaveLength(3);
        const signedIn = await Promise.all(sessions.map(({ id }) => userOf(id)));
        expect(signedIn.filter((user) => user === 'ada')).toHaveLength(3);
        expect(await users.list('ada')).toHaveLength(3);
      },
    );

    it.each([
      ['end-oldest', 'fulfilled'],
      ['refuse', 'rejected'],
    ] as const)('are held to what a record can take: %s', async (whenTooMany, last) => {
      begin({ maxBytes: 400, whenTooMany });
      const results: string[] = [];
      for (let n = 0; n < 6; n++) {
        const [result] = await Promise.allSettled([signIn()]);
        results.push(result.status);
      }
      expect(results.at(-1)).toBe(last);
      expect((await users.list('ada')).length).toBeLessThan(6);
      expect(world.store.text(indexKey())!.length).toBeLessThanOrEqual(400);
    });
  });

  describe('after a sign-in that was cut off', () => {
    const limited = { maxSessionsPerUser: 1, whenTooMany: 'refuse' } as const;

    /** The store in which one operation is answered otherwise, before or after it is done. */
    const broken = (
      at: number,
      isDone: boolean,
      fault: () => Promise<never>,
      isLast: boolean,
    ): SessionStore => {
      let operations = 0;
      const run = async <T>(work: () => Promise<T>): Promise<T> => {
        operations++;
        if (operations < at || (operations > at && !isLast)) return work();
        if (operations === at && isDone) await work();
        return fault();
      };
      return {
        find: (...args) => run(() => world.store.find(...args)),
        create: (...args) => run(() => world.store.create(...args)),
        update: (key, text, version, life) =>
          run(() => world.store.update(key, text, version, life)),
        remove: (...args) => run(() => world.store.remove(...args)),
      };
    };

    /** Of a process that is killed at that operation. */
    const until = (death: number, isDone: boolean) =>
      broken(death, isDone, () => new Promise<never>(() => undefined), true);

    /** Whose answer to that operation is lost. */
    const without = (answer: number, isDone: boolean) =>
      broken(answer, isDone, () => Promise.reject(new SessionStoreError()), false);

    const quiet = async () => {
      for (let n = 0; n < 200; n++) await new Promise(setImmediate);
    };

    const visitors: [string, () => Promise<string | undefined>][] = [
      ['a visitor without a session', () => Promise.resolve(undefined)],
      ['a visitor with one', () => world.stored({ cart: 1 })],
      ['the same user again', async () => (await signIn()).id],
      ['another user', async () => (await signIn('zoe')).id],
    ];

    it.each(visitors)(
      'by the end of its process, the next one is served: %s',
      async (_who, come) => {
        begin(limited);
        const whole = await come();
        world.store.calls.length = 0;
        await comes(whole).signIn('ada');
        // From the end of another user's session on, all that counts is done.
        const { calls } = world.store;
        const operations = calls.includes('remove') ? calls.indexOf('remove') + 1 : calls.length;
        expect(operations).toBeGreaterThan(2);
        for (let death = 1; death <= operations; death++) {
          for (const isDone of [false, true]) {
            // Then all is done, and nobody can tell that its client was not told.
            if (death === operations && isDone) continue;
            begin(limited);
            const id = await come();
            const dying = new SessionRepository(until(death, isDone), world.policy);
            void comes(id, dying).signIn('ada');
            await quiet();
            world.clock.pass(5);
            const there = id !== undefined && (await userOf(id)) === 'ada';
            expect(await handles()).toHaveLength(there ? 1 : 0);
            const session = await signIn('ada', there ? id : undefined);
            expect(await userOf(session.id)).toBe('ada');
            expect(await handles()).toEqual([await handleOf(session)]);
          }
        }
      },
    );

    it.each(visitors)('by a lost connection, it counts or it does not: %s', async (_who, come) => {
      for (let answer = 1; answer <= 12; answer++) {
        for (const isDone of [false, true]) {
          begin(limited);
          const id = await come();
          const current = comes(id, new SessionRepository(without(answer, isDone), world.policy));
          const result = await current.signIn('ada').catch(() => undefined);
          world.clock.pass(5);
          const ids = [result?.id, id].filter((one) => one !== undefined);
          const known = await Promise.all(ids.map((one) => userOf(one)));
          const there = ids.find((_, n) => known[n] === 'ada');
          if (result) expect(there).toBe(result.id);
          expect(await handles()).toHaveLength(there ? 1 : 0);
          expect(await userOf((await signIn('ada', there)).id)).toBe('ada');
        }
      }
    });

    it('has its place for as long as the store takes', async () => {
      begin(limited);
      const id = await world.stored({ cart: 1 });
      const gates = [world.store.hold('create'), world.store.hold('create')];
      const slow = comes(id).signIn('ada');
      await gates[0]!.reached;
      gates[0]!.release();
      await gates[1]!.reached;
      world.clock.pass(5);
      // Who looks drops it; who comes first has it.
      expect(await handles()).toEqual([]);
      gates[1]!.release();
      const session = await slow;
      expect(await userOf(session.id)).toBe('ada');
      await expect(signIn()).rejects.toThrow(SessionLimitError);
    });

    it('leaves it to who came first meanwhile, and the visitor as he was', async () => {
      begin(limited);
      const id = await world.stored({ cart: 1 });
      const current = comes(id);
      await current.load();
      world.store.before('create', () => undefined);
      const gate = world.store.hold('create');
      const slow = current.signIn('ada');
      await gate.reached;
      world.clock.pass(5);
      const first = await signIn();
      gate.release();
      await expect(slow).rejects.toThrow(SessionLimitError);
      expect(world.entriesOf(id)).toEqual({ cart: 1 });
      expect(await handles()).toEqual([await handleOf(first)]);
    });

    it.each([-3600, 3600])('is no more even if its clock was %i s off', async (seconds) => {
      begin(limited);
      const now = () => world.clock.now() + seconds * 1000;
      const dying = new SessionRepository(until(3, false), { ...world.policy, now });
      void comes(undefined, dying).signIn('ada');
      await quiet();
      world.clock.pass(5);
      expect((await signIn()).userId).toBe('ada');
    });
  });

  it('are all there after fifty sign-ins at once, in two processes', async () => {
    const processes = [world.repository, world.anotherProcess()];
    const sessions = await Promise.all(
      Array.from({ length: 50 }, (_, n) => comes(undefined, processes[n % 2]).signIn('ada')),
    );
    expect(await users.list('ada')).toHaveLength(50);
    expect(await users.revokeAll('ada')).toBe(50);
    for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
  });
});
