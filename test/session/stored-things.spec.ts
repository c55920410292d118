import { beforeEach, describe, expect, it } from '@jest/globals';

import { newSessionId } from '../../src/session/session-id.js';
import { encodeForwarder, encodeRecord } from '../../src/session/storage/record-format.js';
import type { SessionState } from '../../src/session/session-state.js';
import { UserSessions } from '../../src/session/users/user-sessions.js';
import { encodeIndex, type IndexedSession } from '../../src/session/users/index-format.js';
import { SessionWorld } from '../support/session-world.js';

const DEEP = '['.repeat(100_000) + ']'.repeat(100_000);
const SOON = 60_000;

/** More operations than any bounded way through the store takes. */
const BOUND = 400;

describe('foreign data in the store', () => {
  let world: SessionWorld;
  let users: UserSessions;
  let id: string;
  let key: string;

  beforeEach(() => {
    world = new SessionWorld();
    users = new UserSessions(world.repository.users, world.repository.generations);
    id = newSessionId();
    key = world.keyOf(id);
  });

  const keyNumber = (n: number): string => world.keyOf(`number ${n}`);
  const until = () => world.clock.now() + SOON;
  const forwardTo = (to: string, more = {}) =>
    encodeForwarder({ forwardTo: to, until: until(), ...more });
  const record = (header: string, values = '') => `${header}\n${values}`;
  const now = () => world.clock.now();

  async function signedIn(userId: string): Promise<SessionState> {
    const begun = world.repository.begin();
    begun.entries.set('cart', ['apples']);
    return world.repository.signIn(begun, { userId, client: {} });
  }

  const TEXTS: [what: string, text: () => string][] = [
    ['JSON nested deeply', () => `${DEEP}\n`],
    ['a header nested deeply', () => record(`[2,"session",${now()},0,${DEEP}]`)],
    ['a key nested deeply', () => record(`[2,"session",${now()},0,[${DEEP},1]]`, '1')],
    ['a time nested deeply', () => record(`[2,"session",${DEEP},0,[]]`)],
    ['a time before all times', () => record(`[2,"session",-5,0,[]]`)],
    ['a time beyond all times', () => record(`[2,"session",1e300,0,[]]`)],
    ['a time that is infinite', () => record(`[2,"session",1e999,0,[]]`)],
    ['half a record', () => record(`[2,"session",${now()},0,["a",10]]`, '"half').slice(0, -2)],
    ['half a header', () => `[1,${now()},0`],
    ['nothing', () => ''],
    ['a line end', () => '\n'],
    ['null', () => 'null\n'],
    ['an object', () => '{"length":4}\n'],
    ['the list of a user’s sessions', () => encodeIndex({ sessions: [], ending: [] })],
    ['a way to itself', () => forwardTo(key)],
    ['a way to nowhere', () => forwardTo(keyNumber(1))],
    ['a way to a key of others', () => forwardTo('cache:theirs')],
    ['a way without end in time', () => forwardTo(keyNumber(1)).replace(/\d+\]/, '1e300]')],
    [
      'a way to itself with a grace',
      () => forwardTo(key, { grace: { salt: 'x', until: until() } }),
    ],
    [
      'a user that is a number',
      () => record(`[2,"session",${now()},0,[],{"userId":5,"handle":"h"}]`),
    ],
    [
      'a user without a sign-in',
      () => record(`[2,"session",${now()},0,[],{"userId":"ada","handle":"h"}]`),
    ],
  ];

  it.each(TEXTS)('under a session’s key is not read as a session: %s', async (_what, text) => {
    world.put(key, text());
    expect(await world.find(id)).toBeUndefined();
    expect(await world.repository.isThere({ id, secret: 0 })).toBe(false);
    expect(world.store.calls.length).toBeLessThan(10);
  });

  it.each(TEXTS)('in place of a session in use ends it: %s', async (_what, text) => {
    id = await world.stored({ visits: 1 });
    key = world.keyOf(id);
    const state = await world.found(id);
    const destroyed = await world.found(id);
    world.put(key, text());
    state.entries.set('visits', 2);
    await world.repository.commit(state);
    expect(['gone', 'stored']).toContain(state.status);
    await world.repository.destroy(destroyed);
    expect(await world.find(id)).toBeUndefined();
    expect(world.store.calls.length).toBeLessThan(BOUND);
  });

  it.each([['regenerate'], ['sign in']])('cannot lead a rotation in a circle: %s', async (act) => {
    id = await world.stored();
    const state = await world.found(id);
    world.put(world.keyOf(id), forwardTo(keyNumber(1), { grace: { salt: 'x', until: until() } }));
    world.put(keyNumber(1), forwardTo(world.keyOf(id), { grace: { salt: 'x', until: until() } }));
    const acting =
      act === 'regenerate'
        ? world.repository.regenerate(state)
        : world.repository.signIn(state, { userId: 'ada', client: {} });
    await acting.catch(() => undefined);
    expect(world.store.calls.length).toBeLessThan(BOUND);
  });

  describe('as an entry', () => {
    it.each([
      ['a list', DEEP],
      ['an object', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ])('is missing if it is nested too deeply: %s', async (_what, json) => {
      const entries = new Map([
        ['deep', json],
        ['visits', '1'],
      ]);
      world.put(key, encodeRecord({ createdAt: now(), cookieSentAt: 0, entries }));
      const { entries: seen } = await world.found(id);
      expect([seen.get('deep'), seen.read('deep'), seen.get('visits')]).toEqual([
        undefined,
        undefined,
        1,
      ]);
      const state = await world.found(id);
      state.entries.set('visits', 2);
      expect(state.entries.update('deep', (old) => old === undefined)).toBe(true);
      await world.repository.commit(state);
      expect((await world.found(id)).entries.get('deep')).toBe(true);
    });
  });

  describe('as a user’s index', () => {
    let indexKey: string;
    let ada: SessionState;

    beforeEach(async () => {
      ada = await signedIn('ada');
      indexKey = world.repository.users.keys.ofUser('ada', 0);
    });

    const row = (more: Partial<IndexedSession> = {}): IndexedSession => ({
      ...{ handle: 'handle', key: keyNumber(1), seenAt: now(), ...more },
    });
    const index = (...sessions: IndexedSession[]) => encodeIndex({ sessions, ending: [] });

    it.each<[what: string, text: () => string]>([
      ['garbage', () => 'garbage'],
      ['JSON nested deeply', () => DEEP],
      ['a row nested deeply', () => `[1,[${DEEP}],[]]`],
      ['a session', () => encodeRecord({ createdAt: now(), cookieSentAt: 0, entries: new Map() })],
      ['a way to itself', () => forwardTo(indexKey)],
      ['too many sessions', () => index(...Array<IndexedSession>(10_001).fill(row()))],
      ['too many that are being ended', () => `[1,[],[${'"sess:a",'.repeat(10_001)}"sess:b"]]`],
      ['keys of others', () => index(row({ key: 'cache:theirs' }))],
      ['a key with a command', () => index(row({ key: 'sess:a 99\r\nflush_all' }))],
      ['a time beyond all times', () => `[1,[["handle","${keyNumber(1)}",1e300,null,null]],[]]`],
    ])('lists no session, and a warning is logged: %s', async (_what, text) => {
      world.put(indexKey, text());
      world.store.calls.length = 0;
      expect(await users.list('ada')).toEqual([]);
      expect(await users.revokeAll('ada')).toBe(0);
      expect(await users.revoke('ada', 'handle')).toBe(false);
      expect(world.store.calls.length).toBeLessThan(20);
      expect(world.warnings).toContainEqual(expect.stringContaining("A user's stored index"));
      expect(await world.find(ada.id, world.anotherProcess())).toBeUndefined();
      expect((await signedIn('ada')).status).toBe('stored');
      expect(await users.list('ada')).toHaveLength(1);
    });

    it('lists and ends no session of another user or without a user', async () => {
      const anonymous = await world.stored();
      const bob = await signedIn('bob');
      const rows = [
        row({ key: world.keyOf(anonymous) }),
        row({ handle: bob.user!.handle, key: bob.key }),
      ];
      world.put(indexKey, index(...rows));
      expect(await users.list('ada')).toEqual([]);
      expect(await world.find(anonymous)).toBeDefined();
      expect(await world.find(bob.id)).toBeDefined();
    });

    it.each([
      ['to itself', 1],
      ['in a circle of two', 2],
      ['of 10,000 steps', 10_000],
    ])('with forwarders %s lists no session', async (_what, length) => {
      for (let n = 1; n <= length; n++)
        world.put(keyNumber(n), forwardTo(keyNumber((n % length) + 1)));
      world.put(indexKey, index(row()));
      world.store.calls.length = 0;
      expect(await users.list('ada')).toEqual([]);
      expect(await users.revokeAll('ada')).toBe(0);
      expect(world.store.calls.length).toBeLessThan(BOUND);
      expect(world.warnings).toContainEqual(expect.stringContaining('maybe in a circle'));
    });

    it('with many sessions is read in batches', async () => {
      let most = 0;
      let atOnce = 0;
      const find = world.store.find.bind(world.store);
      world.store.find = async (...args) => {
        most = Math.max(most, ++atOnce);
        return find(...args).finally(() => atOnce--);
      };
      world.put(
        indexKey,
        index(...Array.from({ length: 5_000 }, (_, n) => row({ handle: `${n}` }))),
      );
      expect(await users.list('ada')).toEqual([]);
      expect(most).toBeLessThanOrEqual(100);
    });

    it('reserves no place for a session of the future', async () => {
      world.put(indexKey, index(row({ seenAt: now() + 24 * 3600 * 1000 })));
      await users.list('ada');
      expect(world.store.text(indexKey)).not.toContain('handle');
    });

    it('shows no session as seen in the future if a clock was ahead', async () => {
      const text = world.store
        .text(indexKey)!
        .slice(8)
        .replace(String(now()), String(now() + 9e6));
      world.put(indexKey, text);
      const [session] = await users.list('ada');
      expect(session!.lastSeenAt.getTime()).toBe(now());
      expect(session!.expiresAt.getTime()).toBe(now() + 1200 * 1000);
    });
  });
});
