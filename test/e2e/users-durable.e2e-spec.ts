import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { Keyv } from 'keyv';

import { memcachedStore, Session, UserSessions } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class AccountController {
  constructor(private readonly users: UserSessions) {}

  @Post('sign-in/:user')
  async signIn(@Session() session: Session, @Param('user') user: string) {
    await session.signIn(user);
  }

  @Get('me')
  me(@Session() session: Session) {
    return { user: session.userId ?? null };
  }

  @Get('admin/:user')
  list(@Param('user') user: string) {
    return this.users.list(user);
  }

  @Delete('admin/:user')
  async end(@Param('user') user: string) {
    return { ended: await this.users.revokeAll(user) };
  }
}

describe("users' sessions with a durable tier", () => {
  let memcached: Memcached;
  /** What the durable store keeps. */
  let kept: Map<string, unknown>;
  let clock: TestClock;
  const apps: SessionApp[] = [];

  const start = async () => {
    const stores = [memcachedStore(memcached.server), new Keyv({ store: kept })];
    const settings = { options: { stores }, controllers: [AccountController], clock: clock.now };
    apps.push(await startSessionApp(settings));
    return apps.at(-1)!;
  };

  beforeAll(async () => {
    memcached = await startMemcached();
    kept = new Map();
    clock = new TestClock();
    await Promise.all([start(), start()]);
  });

  afterAll(async () => {
    for (const app of apps) await app.close();
    await memcached.stop();
  });

  const signedIn = async (user: string, app = apps[0]!): Promise<Visitor> => {
    const visitor = app.visitor();
    expect((await visitor.post(`/sign-in/${user}`)).status).toBe(201);
    return visitor;
  };

  const userOf = async (visitor: Visitor): Promise<string | null> =>
    (await visitor.get('/me')).json.user;

  const sessionsOf = async (user: string): Promise<number> =>
    (await apps[1]!.visitor().get(`/admin/${user}`)).json.length;

  it('outlive memcached: index and records are restored', async () => {
    const visitors = [await signedIn('ada'), await signedIn('ada', apps[1])];
    await memcached.flush();
    clock.pass(60);
    for (const visitor of visitors) expect(await userOf(visitor)).toBe('ada');
    await memcached.flush();
    expect(await sessionsOf('ada')).toBe(2);
  });

  it('stay revoked when memcached is lost before or after it', async () => {
    const visitors = [await signedIn('zoe'), await signedIn('zoe', apps[1])];
    await memcached.flush();
    const end = () => apps[0]!.visitor().request('/admin/zoe', { method: 'DELETE' });
    expect((await end()).json).toEqual({ ended: 2 });
    for (const visitor of visitors) expect(await userOf(visitor)).toBeNull();
    await memcached.flush();
    for (const visitor of visitors) expect(await userOf(visitor)).toBeNull();
    const again = await signedIn('zoe');
    expect(await userOf(again)).toBe('zoe');
    expect(await sessionsOf('zoe')).toBe(1);
  });

  it('are kept by use for days, and their index with them', async () => {
    const visitor = await signedIn('eve');
    for (let n = 0; n < 40; n++) {
      clock.pass(1000);
      if (n % 7 === 0) await memcached.flush();
      expect(await userOf(visitor)).toBe('eve');
    }
  });

  it('are all listed after twenty parallel sign-ins in two processes', async () => {
    const visitors = await Promise.all(
      Array.from({ length: 20 }, (_, n) => signedIn('bob', apps[n % 2])),
    );
    await memcached.flush();
    expect(await sessionsOf('bob')).toBe(20);
    for (const visitor of visitors) expect(await userOf(visitor)).toBe('bob');
  });
});
