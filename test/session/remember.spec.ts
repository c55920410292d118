import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { CurrentSession } from '../../src/session/current-session.js';
import { SessionOptionsError, SessionValueError } from '../../src/session/errors.js';
import { UserSessions } from '../../src/session/users/user-sessions.js';
import { begin, comes, current, useCurrentSession, world } from './current-session-world.js';

const DAY = 86_400;
const REMEMBER = { remember: { timeout: 30 * DAY, absoluteTimeout: 90 * DAY } };

describe('a session that is remembered', () => {
  useCurrentSession();

  beforeEach(() => {
    begin(REMEMBER);
    world.store.timeout = 1200;
  });

  const life = (id: string) => world.store.lives.get(world.keyOf(id));
  const seconds = (until: Date) => (until.getTime() - world.clock.now()) / 1000;

  async function remembered(remember: number | boolean = 7 * DAY): Promise<string> {
    comes(await world.stored({ visits: 1 }));
    const { id } = await current.signIn('7', { remember });
    comes(id);
    return id;
  }

  it('lives as long as the sign-in says, and so does its cookie', async () => {
    comes(await world.stored());
    const session = await current.signIn('7', { remember: 7 * DAY });
    expect(session).toMatchObject({ lifetime: 7 * DAY, persist: true });
    expect(seconds(session.expiresAt)).toBe(7 * DAY);
    expect(current.cookieLife).toBe(7 * DAY);
    expect(life(session.id)).toBe(7 * DAY);
  });

  it.each([
    ['true', true, 30 * DAY],
    ['more than is allowed', 400 * DAY, 30 * DAY],
    ['less than all others', 60, 60],
  ])('with remember %s, lives as long as the options allow', async (_what, remember, expected) => {
    const id = await remembered(remember);
    expect((await current.load()).lifetime).toBe(expected);
    expect(life(id)).toBe(expected);
  });

  it('ends at its absolute deadline, which counts from the sign-in', async () => {
    comes(await world.stored());
    world.clock.pass(DAY / 2);
    const { id } = await current.signIn('7', { remember: true });
    world.clock.pass(90 * DAY - 1);
    expect(await world.find(id)).toBeDefined();
    world.clock.pass(1);
    expect(await world.find(id)).toBeUndefined();
  });

  it('ends no earlier than a session that is not remembered', async () => {
    begin({ remember: { timeout: 3600, absoluteTimeout: 7200 }, absoluteTimeout: DAY });
    const id = await remembered(true);
    for (let hour = 0; hour < 24; hour++) {
      world.clock.pass(3599);
      expect(await world.find(id)).toBeDefined();
    }
    world.clock.pass(24);
    expect(await world.find(id)).toBeUndefined();
  });

  it('is read by one command, and renewed by one more only when it is due', async () => {
    const id = await remembered();
    world.store.lives.set(world.keyOf(id), 5);
    await current.load();
    // This store does not report the time that is left, so the renewal counts as due.
    expect(world.store.calls.filter((call) => call === 'find').length).toBeGreaterThan(1);
    expect(life(id)).toBe(7 * DAY);
  });

  it('is not cut by a commit that meets another one, nor by a write', async () => {
    const id = await remembered();
    const session = await current.load();
    const other = await world.found(id);
    other.entries.set('theme', 'dark');
    await world.repository.commit(other);
    session.visits = 2;
    await current.commit();
    expect(life(id)).toBe(7 * DAY);
    expect(world.entriesOf(id)).toEqual({ visits: 2, theme: 'dark' });
  });

  it('is remembered under each new id', async () => {
    begin({ ...REMEMBER, rotateEvery: 60 });
    await remembered();
    world.clock.pass(61);
    const session = await current.load();
    await current.commit(true);
    expect(current.idUpdate).toMatchObject({ id: session.id });
    await session.regenerate();
    comes(session.id);
    expect(await current.load()).toMatchObject({ lifetime: 7 * DAY, persist: true, userId: '7' });
    expect(life(session.id)).toBe(7 * DAY);
  });

  it('is forgotten by a sign-in that does not say it again, however old it is', async () => {
    await remembered(30 * DAY);
    world.clock.pass(20 * DAY);
    const session = await current.signIn('7');
    expect(session).toMatchObject({ lifetime: 1200, persist: false, userId: '7' });
    comes(session.id);
    expect((await current.load()).userId).toBe('7');
    expect(seconds((await current.load()).expiresAt)).toBe(1200);
  });

  it("is shown in its user's list, which lives longer", async () => {
    await remembered();
    const sessions = new UserSessions(world.repository.users, world.repository.generations);
    const [info] = await sessions.list('7');
    expect(info).toMatchObject({ lifetime: 7 * DAY, persist: true });
    expect(seconds(info!.expiresAt)).toBe(7 * DAY);
    const index = world.store.keys.find((key) => !world.recordAt(key))!;
    expect(world.store.lives.get(index)).toBe(14 * DAY);
    await current.load();
    expect(world.store.lives.get(index)).toBe(14 * DAY);
  });

  it('is no longer than the options allow by now', async () => {
    await remembered(30 * DAY);
    Object.assign(world.policy, { remember: { timeout: 2 * DAY, absoluteTimeout: 3 * DAY } });
    expect((await current.load()).lifetime).toBe(2 * DAY);
    world.clock.pass(3 * DAY);
    comes(current.idUpdate === undefined ? await world.stored() : undefined);
    expect((await current.load()).userId).toBeUndefined();
  });

  it.each([0, -1, 1.5, NaN, Infinity, '60', '', null])(
    'is refused for %p seconds, and nothing is done',
    async (bad) => {
      const id = await world.stored();
      comes(id);
      await expect(current.signIn('7', { remember: bad as number })).rejects.toThrow(
        /^session\.remember: give a whole number/,
      );
      (await current.load()).visits = 2;
      await current.commit();
      expect(world.entriesOf(id)).toEqual({ visits: 2 });
    },
  );

  it('is refused if no session may be', async () => {
    begin({ remember: false });
    comes();
    await expect(current.signIn('7', { remember: true })).rejects.toThrow(SessionOptionsError);
  });
});

describe('a session that is given a lifetime', () => {
  useCurrentSession();
  let id: string;

  beforeEach(async () => {
    begin(REMEMBER);
    world.store.timeout = 1200;
    id = await world.stored({ visits: 1 });
    comes(id);
  });

  it('lives as long from the next response on, which carries a new id marked as remembered', async () => {
    const session = await current.load();
    session.lifetime = DAY;
    session.persist = true;
    expect(session).toMatchObject({ lifetime: DAY, persist: true });
    await current.commit(true);
    expect(current.idUpdate).toMatchObject({ id: session.id });
    expect(current.cookieLife).toBe(DAY);
    expect(session.id).toMatch(/^--/);
    comes(session.id);
    expect(await current.load()).toMatchObject({ lifetime: DAY, persist: true, visits: 1 });
    expect(world.store.lives.get(world.keyOf(session.id))).toBe(DAY);
  });

  it('lives as long without a response, and is renewed to that by each use', async () => {
    (await current.load()).lifetime = DAY;
    await current.commit();
    comes(id);
    expect((await current.load()).lifetime).toBe(DAY);
    expect(world.store.lives.get(world.keyOf(id))).toBe(DAY);
  });

  it.each<[string, (early: CurrentSession) => Promise<unknown>]>([
    ['reads it by the id from before', () => comes(id).load()],
    ['reads it again', async (early) => (await early.load()).reload()],
    ['uses it later', (early) => early.load()],
  ])('lives as long at every moment, if a request %s', async (_what, use) => {
    const early = comes(id);
    await early.load({ touch: false });
    const session = await comes(id).load();
    session.lifetime = DAY;
    await current.commit(true);
    const lives = jest.spyOn(world.store.lives, 'set');
    await use(early);
    const renewed = lives.mock.calls.filter(([key]) => key === world.keyOf(session.id));
    expect(renewed.map(([, seconds]) => seconds).filter((seconds) => seconds !== DAY)).toEqual([]);
    expect(world.store.lives.get(world.keyOf(session.id))).toBe(DAY);
  });

  it('keeps it beside what others write at the same moment', async () => {
    const session = await current.load();
    const other = await world.found(id);
    other.entries.set('theme', 'dark');
    await world.repository.commit(other);
    session.lifetime = 60;
    await current.commit();
    comes(id);
    expect(await current.load()).toMatchObject({ lifetime: 60, visits: 1, theme: 'dark' });
  });

  it('keeps the cookie that it has if only that is to last', async () => {
    (await current.load()).persist = true;
    await current.commit(true);
    expect(current.idUpdate).toMatchObject({ id });
    expect(current.cookieLife).toBe(1200);
  });

  it('has a first id that is marked as remembered if it is new', async () => {
    comes();
    const session = await current.load();
    session.visits = 1;
    session.lifetime = DAY;
    await current.commit(true);
    expect(session.id).toMatch(/^--/);
    expect(world.store.lives.get(world.keyOf(session.id))).toBe(DAY);
    expect(world.store.calls).toEqual(['create']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a response', () => current.commit(true)!],
    ['a save', async () => (await current.load()).save()],
    ['a new id', () => current.regenerate()],
    ['a border', () => current.regenerate({ keep: false })],
  ])(
    "makes its user's list live longer, although it is not used again: by %s",
    async (_by, store) => {
      const signedIn = await current.signIn('7');
      comes(signedIn.id);
      (await current.load()).lifetime = 7 * DAY;
      await store();
      const index = world.repository.users.keys.ofUser('7', 0);
      expect(world.store.lives.get(index)).toBe(14 * DAY);
    },
  );

  it('is stored later if the store fails', async () => {
    const session = await world.found(id);
    world.repository.setLifetime(session, 60);
    world.store.isDown = true;
    await expect(world.repository.commit(session)).rejects.toThrow();
    world.store.isDown = false;
    await world.repository.commit(session);
    expect((await world.found(id)).idle).toBe(60);
  });

  it.each([0, 'long', undefined])('refuses %p', async (bad) => {
    const session = await current.load();
    expect(() => (session.lifetime = bad as number)).toThrow(SessionValueError);
    expect(() => (session.persist = bad as never)).toThrow(SessionValueError);
    expect(current.hasChanges()).toBe(false);
  });

  it('refuses it if it is read only', async () => {
    const session = await current.load({ readOnly: true });
    expect(() => (session.lifetime = 60)).toThrow('read-only');
  });
});
