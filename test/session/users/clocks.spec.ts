import { describe, expect, it } from '@jest/globals';

import { SessionRepository } from '../../../src/session/repository.js';
import type { SessionStore } from '../../../src/session/storage/store.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import { comes, signIn, useUsersWorld, userOf, world } from './users-world.js';

const HOUR_MS = 3_600_000;

/** More than any of these takes. */
const MOST_OPERATIONS = 20;

describe('processes whose clocks are an hour apart', () => {
  useUsersWorld();

  /** As a third process sees it. */
  const userOfElsewhere = (id: string) => userOf(id, world.anotherProcess());

  /** Another process, by whose clock everything here happened an hour ago, or will happen. */
  const otherProcess = (difference: number): SessionRepository => {
    const policy = { ...world.policy, now: () => world.clock.now() + difference };
    return new SessionRepository(world.store, policy);
  };

  const other = (difference: number): UserSessions => {
    const repository = otherProcess(difference);
    return new UserSessions(repository.users, repository.generations);
  };

  /** A process in which something else comes before one of its operations. */
  const interrupted = (at: number, come: () => Promise<unknown>): SessionRepository => {
    let operations = 0;
    const run = async <T>(work: () => Promise<T>): Promise<T> => {
      if (++operations === at) await come();
      return work();
    };
    const { store } = world;
    const between: SessionStore = {
      find: (...args) => run(() => store.find(...args)),
      create: (...args) => run(() => store.create(...args)),
      update: (key, text, version, life) => run(() => store.update(key, text, version, life)),
      remove: (...args) => run(() => store.remove(...args)),
    };
    return new SessionRepository(between, world.policy);
  };

  const signedIn = async (userId: string): Promise<string> => (await signIn(userId)).id;

  const visitors: [string, () => Promise<string | undefined>][] = [
    ['a visitor without a session', () => Promise.resolve(undefined)],
    ['a visitor with one', () => world.stored({ cart: 1 })],
    ['the same user again', () => signedIn('ada')],
    ['another user', () => signedIn('zoe')],
  ];

  describe.each([
    ['behind', HOUR_MS],
    ['ahead', -HOUR_MS],
  ])('of which the serving one is %s', (_where, difference) => {
    it.each(visitors)(
      'sign a user in while the other lists sessions at any moment: %s',
      async (_who, come) => {
        for (let at = 1; at <= MOST_OPERATIONS; at++) {
          const users = other(difference);
          const id = await come();
          const process = interrupted(at, () => users.list('ada'));
          const session = await comes(id, process).signIn('ada');
          expect(await userOfElsewhere(session.id)).toBe('ada');
          const [info] = await users.list('ada');
          expect(await users.list('ada')).toHaveLength(1);
          expect(await users.revoke('ada', info!.handle)).toBe(true);
          expect(await userOfElsewhere(session.id)).toBeUndefined();
        }
      },
    );

    it.each(visitors)(
      'sign a user in while the other signs the user in at any moment: %s',
      async (_who, come) => {
        for (let at = 1; at <= MOST_OPERATIONS; at++) {
          const id = await come();
          const ids: string[] = [];
          const process = interrupted(at, async () => {
            ids.push((await comes(undefined, otherProcess(difference)).signIn('ada')).id);
          });
          const current = comes(id, process);
          ids.push((await current.signIn('ada')).id);
          await current.load();
          for (const one of ids) expect(await userOfElsewhere(one)).toBe('ada');
        }
      },
    );

    it.each([[true], [false], [['cart']]])(
      'rotate a session while the other signs its user in at any moment, keeping %j',
      async (keep) => {
        for (let at = 1; at <= MOST_OPERATIONS; at++) {
          const id = await signedIn('ada');
          const process = interrupted(at, () =>
            comes(undefined, otherProcess(difference)).signIn('ada'),
          );
          const session = await comes(id, process).regenerate({ keep });
          expect(await userOfElsewhere(session.id)).toBe('ada');
        }
      },
    );

    it.each([[true], [false], [['cart']]])(
      'rotate a session while the other lists sessions at any moment, keeping %j',
      async (keep) => {
        for (let at = 1; at <= MOST_OPERATIONS; at++) {
          const users = other(difference);
          const id = await signedIn('ada');
          const process = interrupted(at, () => users.list('ada'));
          const session = await comes(id, process).regenerate({ keep });
          expect(await userOfElsewhere(session.id)).toBe('ada');
          expect(await users.list('ada')).toHaveLength(1);
          expect(await users.revokeAll('ada')).toBe(1);
        }
      },
    );
  });
});
