import { describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../../src/session/current-session.js';
import { SessionLimitError, SessionStoreError } from '../../../src/session/errors.js';
import { SessionRepository } from '../../../src/session/repository.js';
import type { Session } from '../../../src/session/session.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import {
  begin,
  comes,
  handles,
  signIn,
  useUsersWorld,
  userOf,
  users,
  world,
} from './users-world.js';

/** Seconds that a list waits for the response with a new id. */
const WAIT = 10;

/** What gives a user's session an id that the response has to send. */
const ACTS: Record<string, (current: CurrentSession) => Promise<Session>> = {
  'a sign-in again': (current) => current.signIn('ada'),
  'regenerate()': (current) => current.regenerate(),
  'regenerate() without entries': (current) => current.regenerate({ keep: false }),
  'confirmSignIn()': (current) => current.confirmSignIn(),
};

async function sends(current: CurrentSession): Promise<void> {
  current.idSent();
  await world.repository.deliveries.settle();
}

describe("a user's session whose new id is not sent", () => {
  useUsersWorld();

  it.each(['a new client', 'a client with a session'])(
    'after the sign-in of %s: is listed for ten seconds only',
    async (who) => {
      let id: string | undefined;
      if (who !== 'a new client') {
        const anonymous = await comes().load();
        anonymous.cart = 1;
        await anonymous.save();
        ({ id } = anonymous);
      }
      const session = await comes(id).signIn('ada');
      world.clock.pass(WAIT - 1);
      expect(await handles()).toHaveLength(1);
      world.clock.pass(1);
      expect(await handles()).toEqual([]);
      // Nothing is ended before another sign-in needs the place.
      expect(world.entriesOf(session.id)).toBeDefined();
    },
  );

  it('counts for ten seconds, and is ended by the next sign-in then', async () => {
    begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
    const session = await comes().signIn('ada');
    world.clock.pass(WAIT - 1);
    await expect(comes().signIn('ada')).rejects.toThrow(SessionLimitError);
    world.clock.pass(1);
    await signIn();
    expect(await userOf(session.id)).toBeUndefined();
    expect(await handles()).toHaveLength(1);
  });

  it('gives its place away before the oldest session does', async () => {
    begin({ maxSessionsPerUser: 2, whenTooMany: 'end-oldest' });
    const oldest = await signIn();
    const lost = await comes().signIn('ada');
    world.clock.pass(WAIT);
    await signIn();
    expect(await userOf(oldest.id)).toBe('ada');
    expect(await userOf(lost.id)).toBeUndefined();
  });

  it.each(Object.entries(ACTS))('after %s: is no longer listed, and is ended', async (_, act) => {
    begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
    const { id } = await signIn();
    const { id: lost } = await act(comes(id));
    expect(await handles()).toHaveLength(1);
    expect(await userOf(id)).toBeUndefined();
    world.clock.pass(WAIT);
    expect(await handles()).toEqual([]);
    await signIn();
    expect(await userOf(lost)).toBeUndefined();
    expect(await handles()).toHaveLength(1);
  });

  it.each(Object.entries(ACTS))(
    'after a sign-in and %s in one request: neither',
    async (_, act) => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const current = comes();
      await current.signIn('ada');
      const { id: lost } = await act(current);
      world.clock.pass(WAIT);
      expect(await handles()).toEqual([]);
      await signIn();
      expect(await userOf(lost)).toBeUndefined();
    },
  );

  it.each(Object.entries(ACTS))(
    'gives its place back if its client has gone: %s',
    async (_, act) => {
      begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
      const current = comes((await signIn()).id);
      await act(current);
      await current.withdraw();
      expect(await handles()).toEqual([]);
      await signIn();
      expect(await handles()).toHaveLength(1);
    },
  );

  it.each(Object.entries(ACTS))(
    'is no longer listed if an older secret signed the id before: %s',
    async (_, act) => {
      const [old, fresh] = ['o'.repeat(32), 'n'.repeat(32)];
      const withSecrets = (...secrets: string[]) =>
        new SessionRepository(world.store, { ...world.policy, secrets });
      const { id } = await signIn('ada', undefined, withSecrets(old));
      const rotated = withSecrets(fresh, old);
      const client = { userAgent: 'Chrome' };
      const session = await act(
        new CurrentSession(rotated, {
          receive: () => ({ ticket: { id, secret: 1 }, client: () => client }),
          isOpen: true,
        }),
      );
      const all = new UserSessions(rotated.users, rotated.generations);
      const [info] = await all.list('ada', { current: session });
      const isSignIn = act === ACTS['a sign-in again'];
      expect(info).toMatchObject({ current: true, userAgent: isSignIn ? 'Chrome' : 'Firefox' });
      world.clock.pass(WAIT);
      expect(await all.list('ada')).toEqual([]);
    },
  );

  it('is ended with all others of the user', async () => {
    const session = await comes().signIn('ada');
    world.clock.pass(WAIT);
    expect(await users.revokeAll('ada')).toBe(1);
    expect(await userOf(session.id)).toBeUndefined();
  });
});

describe("a user's session whose new id was sent", () => {
  useUsersWorld();

  it.each(Object.entries(ACTS))('stays, also after %s', async (_, act) => {
    begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
    const current = comes((await signIn()).id);
    const session = await act(current);
    await sends(current);
    world.clock.pass(WAIT);
    expect(await handles()).toHaveLength(1);
    await expect(comes().signIn('ada')).rejects.toThrow(SessionLimitError);
    expect(await userOf(session.id)).toBe('ada');
  });

  it.each([
    ['a sign-in', (current: CurrentSession) => current.signIn('ada')] as const,
    ...Object.entries(ACTS),
  ])('stays if only its first use could update the list: %s', async (what, act) => {
    const current = comes(what === 'a sign-in' ? undefined : (await signIn()).id);
    const { id } = await act(current);
    world.store.isDown = true;
    await sends(current);
    world.store.isDown = false;
    world.clock.pass(WAIT);
    expect(await handles()).toEqual([]);
    expect(await userOf(id)).toBe('ada');
    await new Promise(setImmediate);
    expect(await handles()).toHaveLength(1);
  });

  it('stays if it is used while the list could not be updated', async () => {
    const current = comes();
    const { id } = await current.signIn('ada');
    world.store.before('update', async () => {
      expect(await userOf(id)).toBe('ada');
      world.store.isDown = true;
      throw new SessionStoreError();
    });
    await sends(current);
    world.store.isDown = false;
    expect(await userOf(id)).toBe('ada');
    await new Promise(setImmediate);
    world.clock.pass(WAIT);
    expect(await handles()).toHaveLength(1);
  });

  it('is not taken for another one that a client has not got yet', async () => {
    begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
    const first = comes();
    const { id } = await first.signIn('ada');
    const second = comes(id);
    await second.load();
    await second.signIn('ada');
    await sends(first); // late
    world.clock.pass(WAIT);
    expect(await handles()).toEqual([]);
  });

  it('needs no commands if no user is signed in', async () => {
    const current = comes();
    const session = await current.load();
    session.cart = 1;
    await session.save();
    world.store.calls.length = 0;
    await sends(current);
    expect(world.store.calls).toEqual([]);
  });
});

describe('a response that is sent long after its sign-in', () => {
  useUsersWorld();

  it('lets the list wait anew before it is sent', async () => {
    const current = comes();
    await current.signIn('ada');
    world.clock.pass(WAIT - 1);
    await current.commit(true);
    world.clock.pass(WAIT - 1);
    expect(await handles()).toHaveLength(1);
    world.clock.pass(1);
    expect(await handles()).toEqual([]);
    await sends(current);
    expect(await handles()).toHaveLength(1);
  });

  it('sends no id of a session that was ended meanwhile', async () => {
    begin({ maxSessionsPerUser: 1, whenTooMany: 'refuse' });
    const current = comes();
    await current.signIn('ada');
    world.clock.pass(WAIT);
    await signIn();
    await current.commit(true);
    expect(current.isGone).toBe(true);
    expect(current.idUpdate).toBeUndefined();
  });

  it('fails if the list cannot be updated', async () => {
    const current = comes();
    await current.signIn('ada');
    world.clock.pass(WAIT);
    world.store.before('find', () => Promise.reject(new SessionStoreError()));
    await expect(current.commit(true)).rejects.toThrow(SessionStoreError);
  });
});
