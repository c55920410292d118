import { beforeEach, describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../../src/session/current-session.js';
import { SessionRepository } from '../../../src/session/repository.js';
import type { SessionStore } from '../../../src/session/storage/store.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import { SessionWorld } from '../../support/session-world.js';

const HOUR_MS = 3_600_000;

/** More than any of these takes. */
const MOST_OPERATIONS = 20;

describe('processes whose clocks are an hour apart', () => {
  let world: SessionWorld;

  beforeEach(() => {
    world = new SessionWorld();
  });

  const comes = (repository: SessionRepository, id?: string): CurrentSession =>
    new CurrentSession(repository, {
      presentedTicket: () => (id === undefined ? undefined : { id, secret: 0 }),
      onRead: () => undefined,
      onUse: () => undefined,
      isOpen: true,
    });

  const userOf = async (id: string): Promise<string | undefined> =>
    (await comes(world.anotherProcess(), id).load()).userId;

  /** Another process, by whose clock everything here happened an hour ago, or will happen. */
  const other = (difference: number): UserSessions => {
    const policy = { ...world.policy, now: () => world.clock.now() + difference };
    const repository = new SessionRepository(world.store, policy);
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

  const signedIn = async (userId: string): Promise<string> =>
    (await comes(world.repository).signIn(userId)).id;

  const visitors: [string, () => Promise<string | undefined>][] = [
    ['a visitor without a session', () => Promise.resolve(undefined)],
    ['a visitor with one', () => world.stored({ cart: 1 })],
    ['the same user again', () => signedIn('ada')],
    ['another user', () => signedIn('zoe')],
  ];

  describe.each([
    ['behind', HOUR_MS],
    ['ahead', -HOUR_MS],
  ])('of which the one that serves is %s', (_where, difference) => {
    it.each(visitors)('sign in whom the other one lists at any moment: %s', async (_who, come) => {
      for (let at = 1; at <= MOST_OPERATIONS; at++) {
        const users = other(difference);
        const id = await come();
        const process = interrupted(at, () => users.list('ada'));
        const session = await comes(process, id).signIn('ada');
        expect(await userOf(session.id)).toBe('ada');
        const [info] = await users.list('ada');
        expect(await users.list('ada')).toHaveLength(1);
        expect(await users.revoke('ada', info!.handle)).toBe(true);
        expect(await userOf(session.id)).toBeUndefined();
      }
    });

    it.each([[true], [false], [['cart']]])(
      'give a new id to whom the other one lists at any moment, keeping %j',
      async (keep) => {
        for (let at = 1; at <= MOST_OPERATIONS; at++) {
          const users = other(difference);
          const id = await signedIn('ada');
          const process = interrupted(at, () => users.list('ada'));
          const session = await comes(process, id).regenerate({ keep });
          expect(await userOf(session.id)).toBe('ada');
          expect(await users.list('ada')).toHaveLength(1);
          expect(await users.revokeAll('ada')).toBe(1);
        }
      },
    );
  });
});
