import { describe, expect, it } from '@jest/globals';

import { SessionRepository } from '../../../src/session/repository.js';
import { SessionLimitError, SessionStoreError } from '../../../src/session/errors.js';
import type { SessionStore } from '../../../src/session/storage/store.js';
import {
  begin,
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

  describe('with a limit', () => {
    it('end the oldest one', async () => {
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

    it('refuse another one, and the visitor stays as before', async () => {
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

    it("refuse it before another user's session is ended", async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const [, zoes] = [await signIn('ada'), await signIn('zoe')];
      await expect(signIn('ada', zoes.id)).rejects.toThrow(SessionLimitError);
      expect(await userOf(zoes.id)).toBe('zoe');
    });

    it('accept the same session again', async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const session = await signIn();
      const again = await signIn('ada', session.id);
      expect(await userOf(again.id)).toBe('ada');
    });

    it('do not count sessions that have ended', async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const session = await signIn();
      world.store.drop(world.keyOf(session.id));
      world.clock.pass(60);
      expect((await signIn()).userId).toBe('ada');
    });

    it.each(['end-oldest', 'refuse'] as const)(
      'never exceed it in parallel sign-ins: %s',
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
      ['nobody’s', false],
      ['the user’s own', true],
    ])('end one another, and none fails, if several come at once: %s', async (_whose, isTheirs) => {
      begin({ maxSessionsPerUser: 1 });
      const processes = [world.repository, world.anotherProcess(), world.anotherProcess()];
      for (const clicks of [2, 3, 4, 6]) {
        const id = isTheirs ? (await signIn()).id : await world.stored({ cart: 1 });
        const requests = Array.from({ length: clicks }, (_, n) => comes(id, processes[n % 3]));
        await Promise.all(requests.map((request) => request.load()));
        const sessions = await Promise.all(requests.map((request) => request.signIn('ada')));
        for (const session of sessions) session.mark = clicks;
        await Promise.all(requests.map(async (request) => request.commit(true)));
        const signedIn = await Promise.all(sessions.map((session) => userOf(session.id)));
        expect(signedIn.filter((user) => user === 'ada')).toHaveLength(1);
        expect(await users.list('ada')).toHaveLength(1);
      }
    });

    it('leave nothing of one that is refused beside another of the same session', async () => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const { id } = await signIn();
      const requests = [comes(id), comes(id, world.anotherProcess())];
      await Promise.all(requests.map((request) => request.load()));
      const slow = [];
      for (const request of requests) {
        const gate = world.store.hold('create');
        slow.push({ gate, session: request.signIn('ada') });
        await gate.reached;
      }
      slow[0]!.gate.release();
      const session = await slow[0]!.session;
      slow[1]!.gate.release();
      await expect(slow[1]!.session).rejects.toThrow(SessionLimitError);
      const records = world.store.keys.filter((key) => 'entries' in (world.recordAt(key) ?? {}));
      expect(records).toEqual([world.keyOf(session.id)]);
      const moved = await requests[0]!.regenerate();
      expect(await userOf(moved.id)).toBe('ada');
    });

    it.each([
      ['end-oldest', 'fulfilled'],
      ['refuse', 'rejected'],
    ] as const)('are also limited by the size of a record: %s', async (whenTooMany, last) => {
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

  describe('after an interrupted sign-in', () => {
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

    it.each(visitors)('by the end of its process, accept the next one: %s', async (_who, come) => {
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
          // Then all is done, and it is unknown that the client got no answer.
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
    });

    it.each(visitors)('by a lost connection, count it or not: %s', async (_who, come) => {
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

    it('keep its place for as long as the store takes', async () => {
      begin(limited);
      const id = await world.stored({ cart: 1 });
      const gates = [world.store.hold('create'), world.store.hold('create')];
      const slow = comes(id).signIn('ada');
      await gates[0]!.reached;
      gates[0]!.release();
      await gates[1]!.reached;
      world.clock.pass(5);
      // Listing removes it from the index; the first sign-in takes the place.
      expect(await handles()).toEqual([]);
      gates[1]!.release();
      const session = await slow;
      expect(await userOf(session.id)).toBe('ada');
      await expect(signIn()).rejects.toThrow(SessionLimitError);
    });

    it('give its place to an earlier sign-in, and leave the visitor unchanged', async () => {
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

    it.each([-3600, 3600])(
      'do not exceed the limit even if its clock was %i s off',
      async (seconds) => {
        begin(limited);
        const now = () => world.clock.now() + seconds * 1000;
        const dying = new SessionRepository(until(3, false), { ...world.policy, now });
        void comes(undefined, dying).signIn('ada');
        await quiet();
        world.clock.pass(5);
        expect((await signIn()).userId).toBe('ada');
      },
    );
  });
});
