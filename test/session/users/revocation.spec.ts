import { describe, expect, it } from '@jest/globals';

import { SessionDestroyedError, SessionStoreError } from '../../../src/session/errors.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import {
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

  describe('when one is revoked', () => {
    it('end it in every process, and no other', async () => {
      const [one, other] = [await signIn(), await signIn()];
      const second = world.anotherProcess();
      await userOf(one.id, second);
      expect(await users.revoke('ada', await handleOf(one))).toBe(true);
      expect(await userOf(one.id)).toBeUndefined();
      expect(await userOf(one.id, second)).toBeUndefined();
      expect(await userOf(other.id)).toBe('ada');
      expect(await handles()).toEqual([await handleOf(other)]);
    });

    it('report an unknown session', async () => {
      const session = await signIn();
      const handle = await handleOf(session);
      expect(await users.revoke('zoe', handle)).toBe(false);
      expect(await users.revoke('ada', 'x')).toBe(false);
      expect(await users.revoke('ada', handle)).toBe(true);
      expect(await users.revoke('ada', handle)).toBe(false);
    });

    it('are not written back by a request in flight', async () => {
      const session = await signIn();
      const held = comes(session.id, world.anotherProcess());
      (await held.load()).late = true;
      await users.revoke('ada', await handleOf(session));
      await held.commit();
      expect(held.idUpdate).toBeUndefined();
      expect(await userOf(session.id)).toBeUndefined();
      expect(world.entriesOf(session.id)).toBeUndefined();
    });
  });

  describe('when all are revoked', () => {
    it('end, and are counted', async () => {
      const sessions = [await signIn(), await signIn(), await signIn('zoe')];
      expect(await users.revokeAll('ada')).toBe(2);
      expect(await Promise.all(sessions.map(({ id }) => userOf(id)))).toEqual([
        undefined,
        undefined,
        'zoe',
      ]);
      expect(await users.revokeAll('ada')).toBe(0);
    });

    it('end, except the given one', async () => {
      const [one, other] = [await signIn(), await signIn()];
      const session = await comes(one.id).load();
      expect(await users.revokeAll('ada', { except: session })).toBe(1);
      await session.regenerate();
      expect(await userOf(session.id)).toBe('ada');
      expect(await userOf(other.id)).toBeUndefined();
    });

    it('all end if the given one belongs to another user', async () => {
      const [adas, zoes] = [await signIn('ada'), await signIn('zoe')];
      expect(await users.revokeAll('ada', { except: zoes })).toBe(1);
      expect(await userOf(adas.id)).toBeUndefined();
      expect(await userOf(zoes.id)).toBe('zoe');
    });

    it('can be revoked again after a store error', async () => {
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

    it('end also during a sign-in', async () => {
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
      'end also during a rotation: at its %s',
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
});
