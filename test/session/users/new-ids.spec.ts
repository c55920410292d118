import { describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../../src/session/current-session.js';
import { SessionRepository } from '../../../src/session/repository.js';
import {
  SessionDestroyedError,
  SessionLimitError,
  SessionStoreError,
} from '../../../src/session/errors.js';
import type { Session } from '../../../src/session/session.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
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

    it('stay under the old one if the list cannot be updated', async () => {
      const { id } = await signIn();
      const current = comes(id);
      await current.load();
      world.store.before('update', () => Promise.reject(new SessionStoreError()));
      await expect(current.regenerate()).rejects.toThrow(SessionStoreError);
      expect(await handles()).toHaveLength(1);
      expect(await userOf(id)).toBe('ada');
    });

    it('are branches once, although the list was changed without an answer', async () => {
      const { id } = await signIn();
      const [one, other] = [comes(id), comes(id, world.anotherProcess())];
      await Promise.all([one.load(), other.load()]);
      const sessions = [await one.regenerate(), await other.regenerate()];
      const again = comes(sessions[0]!.id);
      await again.load();
      world.store.before('update', () =>
        world.store.before('update', () => {
          world.store.losesAnswer = true;
          world.store.before('find', () => void (world.store.losesAnswer = false));
        }),
      );
      const moved = await again.regenerate();
      world.store.drop(world.keyOf(sessions[0]!.id));
      expect(await userOf(moved.id, world.anotherProcess())).toBe('ada');
      expect(await userOf(sessions[1]!.id, world.anotherProcess())).toBe('ada');
      expect(await users.revokeAll('ada')).toBe(1);
      for (const session of [moved, sessions[1]!]) {
        expect(world.entriesOf(session.id)).toBeUndefined();
      }
    });

    describe('given by two parallel requests', () => {
      const twice = async (keep?: string[]) => {
        const { id } = await signIn();
        const [one, other] = [comes(id), comes(id, world.anotherProcess())];
        await Promise.all([one.load(), other.load()]);
        return Promise.all(
          [one, other].map((current) => current.regenerate({ keep: keep ?? true })),
        );
      };

      it.each([[0], [1]])(
        'leave one of them, if the client of the other has gone: %i',
        async (gone) => {
          const { id } = await signIn();
          const both = [comes(id), comes(id, world.anotherProcess())];
          await Promise.all(both.map((one) => one.load()));
          const sessions = await Promise.all(both.map((one) => one.regenerate({ keep: ['cart'] })));
          await both[gone]!.withdraw();
          expect(await userOf(sessions[gone]!.id)).toBeUndefined();
          expect(await userOf(sessions[1 - gone]!.id, world.anotherProcess())).toBe('ada');
          expect(await handles()).toHaveLength(1);
          expect(await users.revokeAll('ada')).toBe(1);
          expect(await userOf(sessions[1 - gone]!.id)).toBeUndefined();
        },
      );

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

      it('are ended by a request that read the session before', async () => {
        const { id } = await signIn();
        const all = [comes(id), comes(id), comes(id)];
        await Promise.all(all.map((current) => current.load()));
        const sessions = [await all[0]!.regenerate(), await all[1]!.regenerate()];
        await all[2]!.destroy();
        for (const session of sessions) expect(world.entriesOf(session.id)).toBeUndefined();
      });

      it.each([[[0, 1]], [[1, 0]]])(
        'both stay when each is rotated, if one of them was a border: %j',
        async (order) => {
          begin({ rotateEvery: 5 });
          const { id } = await signIn();
          const both = [comes(id), comes(id, world.anotherProcess())];
          await Promise.all(both.map((one) => one.load()));
          const sessions = [
            await both[0]!.regenerate({ keep: ['cart'] }),
            await both[1]!.regenerate(),
          ];
          world.clock.pass(5);
          const rotated: string[] = [];
          for (const one of order) {
            const current = comes(sessions[one]!.id, world.anotherProcess());
            const session = await current.load();
            await current.commit(true);
            rotated.push(session.id);
          }
          expect(rotated).not.toContain(sessions[0]!.id);
          for (const newest of rotated) {
            expect(await userOf(newest, world.anotherProcess())).toBe('ada');
          }
          expect(await handles()).toHaveLength(1);
          expect(await users.revokeAll('ada')).toBe(1);
          for (const newest of rotated) expect(world.entriesOf(newest)).toBeUndefined();
        },
      );

      it('are ended also if one of them was a border', async () => {
        const { id } = await signIn();
        const all = [comes(id), comes(id), comes(id)];
        await Promise.all(all.map((current) => current.load()));
        const confirmed = await all[0]!.confirmSignIn();
        await all[1]!.regenerate({ keep: ['cart'] });
        await all[2]!.destroy();
        expect(await userOf(confirmed.id)).toBeUndefined();
        expect(await handles()).toEqual([]);
      });

      it.each<[string, (late: CurrentSession) => Promise<unknown>]>([
        ['signs out', (late) => late.signOut({})],
        ['ends its session', (late) => late.destroy()],
      ])('and ended by a sign-in stay ended, if one from before it %s', async (_what, end) => {
        const { id } = await signIn();
        const all = [comes(id), comes(id, world.anotherProcess()), comes(id)];
        await Promise.all(all.map((current) => current.load()));
        const first = await all[0]!.regenerate();
        await all[1]!.regenerate();
        const session = await all[1]!.signIn('ada');
        await end(all[2]!);
        expect(await userOf(first.id, world.anotherProcess())).toBeUndefined();
        expect(await userOf(session.id, world.anotherProcess())).toBe('ada');
      });

      it('are limited to a few', async () => {
        const { id } = await signIn();
        const all = Array.from({ length: 9 }, () => comes(id));
        await Promise.all(all.map((current) => current.load()));
        const sessions: Session[] = [];
        for (const current of all) sessions.push(await current.regenerate());
        expect(await users.revokeAll('ada')).toBe(1);
        for (const session of sessions) expect(world.entriesOf(session.id)).toBeUndefined();
      });
    });

    it('on schedule keep them, too', async () => {
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

    it('are found by the next check if the index could not be updated', async () => {
      begin({ rotateEvery: 600 });
      const session = await signIn();
      const handle = await handleOf(session);
      world.clock.pass(600);
      const current = comes(session.id);
      const moving = await current.load();
      await new Promise(setImmediate);
      world.store.before('update', () =>
        world.store.before('find', () => Promise.reject(new SessionStoreError())),
      );
      await current.commit(true);
      expect(moving.id).not.toBe(session.id);
      world.clock.pass(61);
      expect(await userOf(moving.id)).toBe('ada');
      await new Promise(setImmediate);
      world.store.drop(world.keyOf(session.id));
      expect(await handles()).toEqual([handle]);
    });

    it('stay if a scheduled one is noted after the next one was given', async () => {
      begin({ rotateEvery: 600 });
      const { id } = await signIn();
      world.clock.pass(600);
      const late = comes(id);
      await late.load();
      world.store.before('update', () => undefined); // the session
      const list = world.store.hold('update');
      const rotated = late.commit(true);
      await list.reached;
      const follower = comes(id, world.anotherProcess());
      const followed = await follower.load();
      await follower.commit(true);
      const next = comes(followed.id, world.anotherProcess());
      const { id: newest } = await next.confirmSignIn();
      next.idSent();
      list.release();
      await rotated;
      expect(await userOf(newest)).toBe('ada');
      expect(await handles()).toHaveLength(1);
    });

    it('end with the session that another request signs out when the way there is over', async () => {
      const { id } = await signIn();
      const slow = comes(id);
      await slow.load();
      const { id: moved } = await comes(id, world.anotherProcess()).regenerate();
      world.store.drop(world.keyOf(id));
      await slow.signOut({});
      expect(await userOf(moved)).toBeUndefined();
      expect(world.entriesOf(moved)).toBeUndefined();
    });

    it('are not lost by a use of the old one that is noted later', async () => {
      const session = await signIn();
      world.clock.pass(61);
      const using = world.store.hold('update');
      await comes(session.id, world.anotherProcess()).load();
      await using.reached;
      const moved = await comes(session.id).regenerate({ keep: false });
      using.release();
      await new Promise(setImmediate);
      world.store.drop(world.keyOf(session.id));
      expect(await handles()).toHaveLength(1);
      expect(await userOf(moved.id)).toBe('ada');
    });

    it('are not lost by a request that read the old one', async () => {
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

  describe('that sign in again', () => {
    it('keep their place beside a new id that is given at that moment', async () => {
      const { id } = await signIn();
      const [slow, again] = [comes(id), comes(id, world.anotherProcess())];
      await Promise.all([slow.load(), again.load()]);
      const list = world.store.hold('update');
      const confirmed = slow.confirmSignIn();
      await list.reached;
      await again.regenerate({ keep: false });
      const session = await again.signIn('ada');
      again.idSent();
      list.release();
      await expect(confirmed).rejects.toThrow(SessionDestroyedError);
      world.clock.pass(16);
      expect(await handles()).toHaveLength(1);
      expect(await userOf(session.id)).toBe('ada');
    });

    it('stay signed in, if another new id of the session is signed out at that moment', async () => {
      const { id } = await signIn();
      const [one, other] = [comes(id), comes(id, world.anotherProcess())];
      await Promise.all([one.load(), other.load()]);
      await one.regenerate();
      const beside = await other.regenerate();
      const list = world.store.hold('create');
      const signingIn = one.signIn('ada');
      await list.reached;
      world.store.before('update', () =>
        world.store.before('find', async () => {
          await beside.signOut();
        }),
      );
      list.release();
      const session = await signingIn;
      await session.save();
      expect(await userOf(session.id, world.anotherProcess())).toBe('ada');
      expect(await userOf(beside.id)).toBeUndefined();
      expect(await handles()).toHaveLength(1);
    });
  });

  describe('of several secrets', () => {
    const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)];

    /** The same store, in a process whose secrets are these. */
    const withSecrets = (...secrets: string[]) =>
      new SessionRepository(world.store, { ...world.policy, secrets });

    it('include those of all secrets', async () => {
      begin({ secrets: [old] });
      const session = await signIn();
      const rotated = withSecrets(fresh, old);
      const comesOld = () =>
        new CurrentSession(rotated, {
          receive: () => ({ ticket: { id: session.id, secret: 1 } }),
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
});
