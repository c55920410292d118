import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Keyv } from 'keyv';

import type { SessionInfo, SessionModuleOptions } from '../../src/index.js';
import { StoreKeys } from '../../src/session/storage/keys.js';
import { TestClock } from '../../src/testing/test-clock.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import {
  PLATFORMS,
  startSessionApp,
  type Platform,
  type SessionApp,
} from '../support/session-app.js';
import { secondsLeft } from '../support/stores.js';
import { CONTROLLERS, at, gates, signedIn, userOf } from './users-app.js';

describe.each(PLATFORMS)(
  "users' sessions in two processes over one memcached, on %s",
  (platform) => {
    let memcached: Memcached;
    let wire: RecordingProxy;
    let clock: TestClock;
    let one: SessionApp;
    let two: SessionApp;

    const start = (options: SessionModuleOptions = {}, on: Platform = platform) =>
      startSessionApp({
        platform: on,
        options: { memcached: wire.server, ...options },
        controllers: CONTROLLERS,
        clock: clock.now,
      });

    const indexKey = (user = 'ada') => new StoreKeys('sess:', []).ofUser(user, 0);
    const names = () => wire.commands.map(({ name }) => name);
    const lose = (key: string) => memcached.command(`delete ${key}`);

    beforeAll(async () => {
      memcached = await startMemcached();
      wire = await recordingProxy(memcached.port);
      clock = new TestClock();
      [one, two] = await Promise.all([start(), start()]);
    });

    beforeEach(async () => {
      await memcached.flush();
      clock.pass(3600); // no check of an earlier test is good any more
      wire.reset();
    });

    afterEach(() => {
      for (const gate of gates.splice(0)) gate.release();
    });

    afterAll(async () => {
      await Promise.all([one.close(), two.close()]);
      await wire.close();
      await memcached.stop();
    });

    it('begin with a sign-in and its new id, and end with a sign-out', async () => {
      const visitor = one.visitor();
      await visitor.post('/visit');
      const before = visitor.cookie;
      expect((await visitor.post('/sign-in/ada')).setCookies).toHaveLength(1);
      expect(visitor.cookie).not.toBe(before);
      expect((await at(two, visitor).get('/me')).json).toEqual({ user: 'ada', visits: 1 });
      const planted = one.visitor();
      planted.cookie = before;
      expect(await userOf(planted)).toBeNull();

      const { status, setCookies } = await visitor.fork().post('/sign-out');
      expect([status, setCookies.length]).toEqual([204, 1]);
      expect(await userOf(visitor)).toBeNull();
      expect((await one.visitor().get('/admin/ada')).json).toEqual([]);
    });

    it('begin and end by the manager, too', async () => {
      const visitor = one.visitor();
      await visitor.post('/visit');
      await visitor.post('/manager/sign-in?user=ada');
      expect((await visitor.get('/me')).json).toEqual({ user: 'ada', visits: null });
      await visitor.fork().post('/manager/sign-out');
      expect(await userOf(visitor)).toBeNull();
    });

    it('are listed with what distinguishes them, without an id', async () => {
      const phone = await signedIn(one, 'ada', 'Phone');
      const desk = await signedIn(two, 'ada', 'Desk');
      await signedIn(one, 'zoe');
      const response = await phone.get('/sessions');
      const list = response.json as SessionInfo[];
      expect(list.map(({ userAgent, current }) => [userAgent, current]).sort()).toEqual([
        ['Desk', false],
        ['Phone', true],
      ]);
      for (const { ip, expiresAt } of list) {
        expect(ip).toMatch(/127\.0\.0\.1$/);
        expect(Date.parse(expiresAt as never)).toBe(clock.now() + 1_200_000);
      }
      for (const { cookie } of [phone, desk]) {
        expect(response.body).not.toContain(cookie.split('=')[1]);
      }
    });

    it('are not renewed by being listed', async () => {
      await signedIn(one);
      const keys = await memcached.keys();
      for (const key of keys) await memcached.command(`touch ${key} 100`);
      wire.reset();
      expect((await one.visitor().get('/admin/ada')).json).toHaveLength(1);
      expect(names()).toEqual(['mg', 'mg']);
      for (const key of keys) expect(await secondsLeft(memcached, key)).toBeLessThanOrEqual(100);
    });

    it('can be revoked one by one: the next request has no session, in every process', async () => {
      const phone = await signedIn(one, 'ada', 'Phone');
      const desk = await signedIn(two, 'ada', 'Desk');
      expect(await userOf(phone)).toBe('ada');
      expect(await userOf(at(two, phone))).toBe('ada');
      const list = (await desk.get('/sessions')).json as SessionInfo[];
      const { handle } = list.find(({ userAgent }) => userAgent === 'Phone')!;
      const revoke = (by: Visitor) => by.request(`/sessions/${handle}`, { method: 'DELETE' });
      expect((await revoke(desk)).json).toBe(true);
      expect(await userOf(phone)).toBeNull();
      expect(await userOf(at(two, phone))).toBeNull();
      expect(await userOf(desk)).toBe('ada');
      expect((await revoke(desk)).json).toBe(false);
    });

    it('stay revoked, whatever requests in flight write', async () => {
      const visitor = await signedIn(one);
      const held = [visitor.get('/held'), at(two, visitor).get('/held')];
      while (gates.length < 2) await nextTurn();
      await one.visitor().request('/admin/ada', { method: 'DELETE' });
      for (const gate of gates.splice(0)) gate.release();
      for (const response of await Promise.all(held)) expect(response.setCookies).toEqual([]);
      expect((await visitor.get('/me')).json).toEqual({ user: null, visits: null });
      expect((await memcached.keys()).filter((key) => key !== indexKey())).toEqual([]);
    });

    it('end with a changed password, except this one, which gets a new id', async () => {
      const others = [await signedIn(one), await signedIn(two), await signedIn(two)];
      const visitor = await signedIn(one);
      const before = visitor.fork();
      expect((await visitor.post('/password')).json).toEqual({ ended: 3 });
      for (const other of [...others, before]) expect(await userOf(other)).toBeNull();
      expect(await userOf(visitor)).toBe('ada');
      expect(await userOf(at(two, visitor))).toBe('ada');
      expect((await visitor.get('/sessions')).json).toHaveLength(1);
    });

    it('are fifty after fifty parallel sign-ins', async () => {
      const visitors = await Promise.all(
        Array.from({ length: 50 }, (_, n) => signedIn(n % 2 ? one : two)),
      );
      expect((await one.visitor().get('/admin/ada')).json).toHaveLength(50);
      const ended = await two.visitor().request('/admin/ada', { method: 'DELETE' });
      expect(ended.json).toEqual({ ended: 50 });
      expect(await Promise.all(visitors.map(userOf))).toEqual(Array(50).fill(null));
    });

    describe('if memcached has lost the index', () => {
      it('all end by "sign out everywhere"', async () => {
        const [phone, desk] = [await signedIn(one), await signedIn(one)];
        expect([await userOf(phone), await userOf(desk)]).toEqual(['ada', 'ada']);
        await lose(indexKey());
        await one.visitor().request('/admin/ada', { method: 'DELETE' });
        expect([await userOf(phone), await userOf(desk)]).toEqual([null, null]);
        expect([await userOf(at(two, phone)), await userOf(at(two, desk))]).toEqual([null, null]);
      });

      it('stay revoked, also after a new sign-in', async () => {
        const [phone, desk] = [await signedIn(one), await signedIn(two)];
        await one.visitor().request('/admin/ada', { method: 'DELETE' });
        await lose(indexKey());
        const again = await signedIn(two);
        for (const app of [one, two]) {
          expect(await userOf(at(app, phone))).toBeNull();
          expect(await userOf(at(app, desk))).toBeNull();
          expect(await userOf(at(app, again))).toBe('ada');
        }
      });

      it('end within a minute in a process that has just checked', async () => {
        const visitor = await signedIn(one);
        await userOf(visitor);
        await lose(indexKey());
        clock.pass(60);
        expect(await userOf(visitor)).toBeNull();
      });
    });

    describe('on the wire', () => {
      it('have keys of one form', async () => {
        const visitor = await signedIn(one, encodeURIComponent('zoë\r\n flush_all'));
        await visitor.get('/sessions');
        await visitor.post('/sign-out');
        for (const { key } of wire.commands) expect(key).toMatch(/^sess:[\w-]{43}$/);
      });

      it('need one round trip to read, and one more once a minute', async () => {
        const visitor = await signedIn(one);
        wire.reset();
        const costs: number[] = [];
        for (let n = 0; n < 100; n++) {
          const before = wire.commands.length;
          await visitor.get('/me');
          costs.push(wire.commands.length - before);
        }
        expect(Math.max(...costs)).toBe(2);
        expect(wire.commands).toHaveLength(101);
        expect(new Set(names())).toEqual(new Set(['mg']));
        expect(wire.commands.filter(({ key }) => key === indexKey())).toMatchObject([
          { line: `mg ${indexKey()} k c v T2401` },
        ]);
      });

      it('need less than 1.1 round trips per request over an hour', async () => {
        const visitor = await signedIn(one);
        wire.reset();
        for (let n = 0; n < 720; n++) {
          await visitor.get('/me');
          clock.pass(5);
        }
        const waited = wire.commands.filter(({ name }) => name === 'mg');
        expect(waited.length / 720).toBeLessThan(1.1);
      });

      it('need four round trips for a sign-in, or three without an earlier session, and two after it', async () => {
        const visitor = one.visitor();
        await visitor.post('/visit');
        wire.reset();
        await visitor.post('/sign-in/ada');
        await one.settled();
        const after = ['mg', 'cas'];
        expect(names()).toEqual(['mg', 'mg', 'add', 'add', 'cas', ...after]);
        wire.reset();
        await one.visitor().post('/sign-in/ada');
        await one.settled();
        expect(names()).toEqual(['mg', 'cas', 'add', ...after]);
      });

      it('need two round trips for a write', async () => {
        const visitor = await signedIn(one);
        await visitor.get('/me');
        wire.reset();
        await visitor.post('/visit');
        expect(names()).toEqual(['mg', 'cas']);
      });

      it('add none for anonymous visitors', async () => {
        const visitor = one.visitor();
        await visitor.post('/visit');
        wire.reset();
        await visitor.get('/me');
        expect(names()).toEqual(['mg']);
      });
    });

    it.each(['end-oldest', 'refuse'] as const)(
      'never exceed the limit in parallel sign-ins: %s',
      async (whenTooMany) => {
        const options = { maxSessionsPerUser: 3, whenTooMany };
        const apps = await Promise.all([start(options), start(options)]);
        const visitors = Array.from({ length: 12 }, (_, n) => apps[n % 2]!.visitor());
        const answers = await Promise.all(visitors.map((visitor) => visitor.post('/sign-in/ada')));
        const statuses = answers.map(({ status }) => status);
        const refused = whenTooMany === 'refuse' ? 9 : 0;
        expect(statuses.filter((status) => status === 409)).toHaveLength(refused);
        expect(statuses.filter((status) => status === 204)).toHaveLength(12 - refused);
        const users = await Promise.all(visitors.map(userOf));
        expect(users.filter((user) => user === 'ada')).toHaveLength(3);
        expect((await apps[0].visitor().get('/admin/ada')).json).toHaveLength(3);
        if (refused > 0) {
          expect(answers.find(({ status }) => status === 409)!.json.message).toContain('Sign out');
        }
        await Promise.all(apps.map((app) => app.close()));
      },
    );
  },
);

describe("users' sessions", () => {
  it.each(PLATFORMS)('have the address from the proxy, if it is trusted, on %s', async (on) => {
    const settings = { platform: on, controllers: CONTROLLERS, trustProxy: true };
    const app = await startSessionApp(settings);
    const headers = { 'x-forwarded-for': '192.0.2.7' };
    const visitor = app.visitor();
    await visitor.post('/sign-in/ada', undefined, { headers });
    expect((await visitor.get('/sessions')).json).toMatchObject([{ ip: '192.0.2.7' }]);
    await app.close();
  });

  it.each([
    ['the memory of the process', {}],
    ['a plain store', { stores: [new Keyv()] }],
    ['the memory, with secrets', { secrets: ['s'.repeat(32)] }],
  ])('are the same in %s', async (_where, options) => {
    const clock = new TestClock();
    const app = await startSessionApp({ options, controllers: CONTROLLERS, clock: clock.now });
    const visitors = await Promise.all(Array.from({ length: 20 }, () => signedIn(app)));
    const [first, second, ...others] = visitors;
    expect((await first!.get('/sessions')).json).toHaveLength(20);
    await second!.fork().post('/sign-out');
    expect(await userOf(second!)).toBeNull();
    expect((await first!.post('/password')).json).toEqual({ ended: 18 });
    expect(await userOf(first!)).toBe('ada');
    expect(await Promise.all(others.map(userOf))).toEqual(Array(18).fill(null));
    clock.pass(1200 * 1.1 + 1);
    expect((await app.visitor().get('/admin/ada')).json).toEqual([]);
    await app.close();
  });

  it('are kept by use for any time: the index does not expire before them', async () => {
    const clock = new TestClock();
    const app = await startSessionApp({
      options: { absoluteTimeout: false },
      controllers: CONTROLLERS,
      clock: clock.now,
    });
    const visitor = await signedIn(app);
    for (let n = 0; n < 20; n++) {
      expect(await userOf(visitor)).toBe('ada');
      clock.pass(10);
      expect(await userOf(visitor)).toBe('ada');
      clock.pass(1199);
    }
    await app.close();
  });
});
