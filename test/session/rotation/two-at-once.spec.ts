import { beforeEach, describe, expect, it } from '@jest/globals';

import { CurrentSession } from '../../../src/session/current-session.js';
import { SessionDestroyedError } from '../../../src/session/errors.js';
import type { SessionPolicy } from '../../../src/session/policy.js';
import { SessionRepository } from '../../../src/session/repository.js';
import type { SessionTicket } from '../../../src/session/storage/keys.js';
import type { SessionStore } from '../../../src/session/storage/store.js';
import { UserSessions } from '../../../src/session/users/user-sessions.js';
import { SessionWorld } from '../../support/session-world.js';

const [OLD, NEW] = ['o'.repeat(32), 'n'.repeat(32)];
const DAY = 86_400;
/** Orders in which the store's answers come. */
const ORDERS = 8;

/** Answers each command some turns of the event loop later, by a seed. */
function delayed(store: SessionStore, seed: number): SessionStore {
  let state = seed * 2_654_435_761 + 1;
  const wait = async () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    for (let turns = state % 7; turns > 0; turns--) await new Promise(setImmediate);
  };
  return {
    find: async (...args) => (await wait(), store.find(...args)),
    create: async (...args) => (await wait(), store.create(...args)),
    update: async (...args) => (await wait(), store.update(...args)),
    remove: async (...args) => (await wait(), store.remove(...args)),
  };
}

type Act = (request: CurrentSession) => Promise<unknown>;
const ACTS: Record<string, Act> = {
  'sign-in': (request) => request.signIn('ada', { keep: ['cart'] }),
  'sign-in with remember': (request) => request.signIn('ada', { remember: 7 * DAY }),
  'sign-in as another user': (request) => request.signIn('zoe'),
  'sign-out': (request) => request.signOut({}),
  'sign-out with keep': (request) => request.signOut({ keep: ['cart'] }),
  regenerate: (request) => request.regenerate(),
  'regenerate with keep': (request) => request.regenerate({ keep: ['cart'] }),
  confirmSignIn: (request) => request.confirmSignIn(),
  destroy: (request) => request.destroy(),
  save: async (request) => {
    const session = await request.load();
    session.set('note', 1);
    await session.save();
  },
};
const NAMES = Object.keys(ACTS);
const isOfAda = (act: string) => act === 'sign-in' || act === 'sign-in with remember';
const PAIRS = NAMES.flatMap((one, n) => NAMES.slice(n).map((other) => [one, other] as const));

interface World {
  readonly what: string;
  readonly policy: Partial<SessionPolicy>;
  /** Of the process that began the session. */
  readonly before?: Partial<SessionPolicy>;
  /** Seconds that pass before the two come. */
  readonly passes?: number;
  readonly remember?: number;
}
const WORLDS: World[] = [
  { what: 'as they are', policy: {} },
  {
    what: 'whose secret is a new one',
    policy: { secrets: [NEW, OLD] },
    before: { secrets: [OLD] },
  },
  { what: 'whose new id is due', policy: { rotateEvery: 600 }, passes: 600 },
  { what: 'that are remembered', policy: {}, remember: 7 * DAY },
];

describe.each(WORLDS)('two acts at once in two processes, sessions $what', (setting) => {
  const { policy, before, passes = 0, remember } = setting;
  let world: SessionWorld;

  beforeEach(() => {
    const options = { timeout: 1200, remember: { timeout: 30 * DAY, absoluteTimeout: false } };
    world = new SessionWorld({ ...options, ...policy } as Partial<SessionPolicy>);
  });

  const come = (ticket: SessionTicket | undefined, repository: SessionRepository) =>
    new CurrentSession(repository, { receive: () => ({ ticket }), isOpen: true });

  /** Ada's session, whose id was sent before the two requests come. */
  async function begin(): Promise<SessionTicket> {
    const repository = new SessionRepository(world.store, { ...world.policy, ...before });
    const request = come(undefined, repository);
    Object.assign(await request.load(), { cart: 1, own: 1 });
    await request.commit(true);
    await request.signIn('ada', { remember });
    await request.commit(true);
    const secret = before ? 1 : 0;
    world.clock.pass(passes);
    return { id: (request.idUpdate as SessionTicket).id, secret };
  }

  /** What a client with this id is: a user, anonymous with a session, or without one. */
  async function whose(ticket: SessionTicket): Promise<string> {
    const request = come(ticket, world.anotherProcess());
    const session = await request.load();
    return request.isStored ? (session.userId ?? 'nobody') : 'stranger';
  }

  it.each(PAIRS)('%s and %s', async (one, other) => {
    for (let seed = 0; seed < ORDERS; seed++) {
      const ticket = await begin();
      const store = delayed(world.store, seed);
      const requests = [1, 2].map(() => come(ticket, new SessionRepository(store, world.policy)));
      await Promise.all(requests.map((request) => request.load()));
      const told = await Promise.all(
        requests.map(async (request, n) => {
          const name = [one, other][n]!;
          try {
            await ACTS[name]!(request);
            await request.commit(true);
          } catch (error) {
            // A sign-in or a sign-out never fails.
            if (/^sign-/.test(name)) throw error;
            expect(error).toBeInstanceOf(SessionDestroyedError);
          }
          return { name, news: request.idUpdate };
        }),
      );

      const ids = told.flatMap(({ news }) => (news && news !== 'over' ? [news.id] : []));
      const isMoved = told.some(({ name }) => name !== 'save');
      // With a new id by schedule, both get the same one: they came with the same, and did the same.
      if (isMoved) expect(new Set(ids).size).toBe(ids.length);
      const names = told.map(({ name }) => name);
      const isEnded = names.some((name) => /^sign-|destroy/.test(name));
      if (isEnded) expect(await whose(ticket)).toBe('stranger');
      const living = new Set<string>();
      for (const { name, news } of told) {
        if (/^sign-in/.test(name)) expect(news).toMatchObject({ id: expect.any(String) });
        if (!news || news === 'over') continue;
        const who = await whose(news);
        // Whichever answer the client keeps.
        if (/^sign-in as/.test(name)) expect(who).toBe('zoe');
        else if (/^sign-in/.test(name)) expect(who).toBe('ada');
        else if (name === 'sign-out with keep') expect(['nobody', 'stranger']).toContain(who);
        // Behind a border of its own, or of the same user's sign-in at that moment, it is another session.
        else if (name === 'regenerate with keep' || names.some((act) => isOfAda(act)))
          expect(['ada', 'stranger']).toContain(who);
        else if (isEnded) expect(who).toBe('stranger');
        else expect(who).toBe('ada');
        if (who === 'ada') living.add(news.id);
      }
      const users = new UserSessions(world.repository.users, world.repository.generations);
      const listed = await users.list('ada');
      expect(listed.length).toBeLessThanOrEqual(Math.max(living.size, isEnded ? 0 : 1));
      if (living.size > 0) expect(listed.length).toBeGreaterThan(0);
      await users.revokeAll('ada');
      for (const id of living) expect(await whose({ id, secret: 0 })).toBe('stranger');
    }
  });
});
