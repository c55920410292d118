import { beforeEach } from '@jest/globals';

import { CurrentSession } from '../../../src/session/current-session.js';
import type { SessionPolicy } from '../../../src/session/policy.js';
import { type SessionRepository } from '../../../src/session/repository.js';
import type { SessionClient } from '../../../src/session/session-user.js';
import type { Session } from '../../../src/session/session.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import { SessionWorld } from '../../support/session-world.js';

export const BROWSER = { userAgent: 'Firefox', ip: '192.0.2.1' };

export let world: SessionWorld;

export let users: UserSessions;

/** Restarts the application with other options. */
export const begin = (policy: Partial<SessionPolicy> = {}): void => {
  world = new SessionWorld(policy);
  users = new UserSessions(world.repository.users, world.repository.generations);
};

export const comes = (
  id?: string,
  repository: SessionRepository = world.repository,
  client: SessionClient = BROWSER,
): CurrentSession =>
  new CurrentSession(repository, {
    receive: () => ({
      ticket: id === undefined ? undefined : { id, secret: 0 },
      client: () => client,
    }),
    isOpen: true,
  });

/** Signs a user in, and sends the new id; returns the session. */
export const signIn = async (userId = 'ada', id?: string, repository = world.repository) => {
  const current = comes(id, repository);
  const session = await current.signIn(userId);
  await session.save();
  current.idSent();
  await repository.deliveries.settle();
  return session;
};

/** Who the sender of this id is, as a process sees it. */
export const userOf = async (
  id: string,
  repository?: SessionRepository,
): Promise<string | undefined> => (await comes(id, repository).load()).userId;

export const indexKey = (userId = 'ada') => world.repository.users.keys.ofUser(userId, 0);

export const handles = async (userId = 'ada'): Promise<string[]> =>
  (await users.list(userId)).map(({ handle }) => handle);

export const handleOf = async (session: Session): Promise<string> =>
  (await users.list(session.userId!, { current: session })).find(({ current }) => current)!.handle;

/** Starts over before each test. */
export function useUsersWorld(): void {
  beforeEach(() => begin());
}
