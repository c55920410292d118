import { describe, expect, it } from '@jest/globals';

import { SessionStoreError, SessionValueError } from '../../../src/session/errors.js';
import type { Session } from '../../../src/session/session.js';
import {
  BROWSER,
  comes,
  handleOf,
  handles,
  indexKey,
  signIn,
  useUsersWorld,
  userOf,
  users,
  world,
} from './users-world.js';

describe("a user's sessions", () => {
  useUsersWorld();

  describe('the list', () => {
    it('shows what the user may know of each, the last seen first', async () => {
      const first = await signIn();
      world.clock.pass(100);
      const second = await comes(undefined, undefined, { userAgent: 'curl' }).signIn('ada');
      const began = new Date(world.clock.now() - 100_000);
      const now = new Date(world.clock.now());
      const in20Minutes = (date: Date) => new Date(date.getTime() + 1_200_000);
      const handle = expect.stringMatching(/^[\w-]{22}$/);
      const usual = { lifetime: 1200, persist: false };
      expect(await users.list('ada', { current: second })).toEqual([
        {
          ...{ ...usual, signedInAt: now },
          ...{ handle, createdAt: now, lastSeenAt: now, expiresAt: in20Minutes(now) },
          ...{ userAgent: 'curl', ip: undefined, current: true },
        },
        {
          ...{ ...usual, signedInAt: began },
          ...{ handle, createdAt: began, lastSeenAt: began, expiresAt: in20Minutes(began) },
          ...{ ...BROWSER, current: false },
        },
      ]);
      expect(JSON.stringify(await users.list('ada'))).not.toContain(first.id);
    });

    it('shortens texts from outside', async () => {
      const client = { userAgent: 'x'.repeat(5000), ip: '1'.repeat(5000) };
      await comes(undefined, undefined, client).signIn('ada');
      const [info] = await users.list('ada');
      expect([info?.userAgent?.length, info?.ip?.length]).toEqual([256, 64]);
    });

    it('is empty for a user who never signed in', async () => {
      await signIn('ada');
      expect(await users.list('zoe')).toEqual([]);
    });

    it('never shows a session whose record is gone, and removes it', async () => {
      const [gone, there] = [await signIn(), await signIn()];
      world.store.drop(world.keyOf(gone.id));
      expect(await handles()).toEqual([await handleOf(there)]);
      world.clock.pass(61);
      await users.list('ada');
      await expect(world.repository.users.indexes.find(indexKey(), false)).resolves.toMatchObject({
        index: { sessions: [{}] },
      });
    });

    it('keeps the place of a sign-in in progress, and does not show it', async () => {
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

    it('refuses an invalid current session', async () => {
      await expect(users.list('ada', { current: {} as Session })).rejects.toThrow(
        SessionValueError,
      );
      await expect(users.revokeAll('ada', { except: 'id' as never })).rejects.toThrow(
        SessionValueError,
      );
    });

    it('shows when a session was last seen, to within a minute', async () => {
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

    it('is shared by the parallel requests of a page', async () => {
      const session = await signIn();
      world.store.calls.length = 0;
      await Promise.all(Array.from({ length: 10 }, () => userOf(session.id)));
      expect(world.store.count('find')).toBe(11);
    });

    it('is not made for anonymous sessions', async () => {
      const id = await world.stored();
      world.store.calls.length = 0;
      await userOf(id);
      expect(world.store.calls).toEqual(['find']);
    });

    it('extends the life of the index beyond that of its sessions', async () => {
      const session = await signIn();
      await userOf(session.id);
      expect(world.store.lives.get(indexKey())).toBe(2400);
    });

    it('fails like any read while the store is down', async () => {
      const session = await signIn();
      let finds = 0;
      world.store.before('find', () => void finds++);
      world.store.before('find', () => Promise.reject(new SessionStoreError()));
      await expect(userOf(session.id)).rejects.toThrow(SessionStoreError);
      expect(await userOf(session.id)).toBe('ada');
    });

    it('treats an unreadable index as empty', async () => {
      const session = await signIn();
      world.put(indexKey(), '[2,"?"]');
      expect(await userOf(session.id)).toBeUndefined();
      expect(world.warnings).toHaveLength(1);
      const again = await signIn();
      expect(await userOf(again.id)).toBe('ada');
    });
  });

  describe('if the index is lost', () => {
    const lose = () => world.store.drop(indexKey());

    it("none of the user's sessions is signed in any more, within a minute", async () => {
      const session = await signIn();
      await userOf(session.id);
      lose();
      expect(await userOf(session.id)).toBe('ada');
      expect(await userOf(session.id, world.anotherProcess())).toBeUndefined();
      world.clock.pass(60);
      expect(await userOf(session.id)).toBeUndefined();
      expect(world.entriesOf(session.id)).toBeUndefined();
    });

    it('revoking all ends the sessions that it listed', async () => {
      const sessions = [await signIn(), await signIn()];
      for (const { id } of sessions) await userOf(id);
      lose();
      await users.revokeAll('ada');
      for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
    });

    it('revoked sessions stay revoked', async () => {
      const sessions = [await signIn(), await signIn()];
      await users.revokeAll('ada');
      lose();
      const again = await signIn();
      for (const { id } of sessions) expect(await userOf(id)).toBeUndefined();
      expect(await userOf(again.id)).toBe('ada');
    });

    it('a new sign-in does not restore the others', async () => {
      const session = await signIn();
      lose();
      const again = await signIn();
      expect(await userOf(session.id)).toBeUndefined();
      expect(await handles()).toEqual([await handleOf(again)]);
    });

    it('signing in again with a session restores it', async () => {
      const session = await signIn();
      await userOf(session.id);
      lose();
      const again = await signIn('ada', session.id);
      expect(await userOf(again.id)).toBe('ada');
      expect(await handles()).toHaveLength(1);
    });
  });
});
