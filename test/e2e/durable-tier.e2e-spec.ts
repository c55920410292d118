import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post } from '@nestjs/common';
import { Keyv } from 'keyv';

import {
  memcachedStore,
  Session,
  SessionManager,
  SessionMonitor,
  type SessionModuleOptions,
} from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import type { Visitor } from '../support/http-client.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { PostgresAdapter } from '../support/postgres-adapter.js';
import { startPostgres, type Postgres } from '../support/postgres.js';
import { PLATFORMS, startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class AccountController {
  @Get('read')
  read(@Session() session: Session) {
    return session.toJSON();
  }

  @Post('increment')
  increment(@Session() session: Session) {
    return { count: session.increment('count') };
  }

  @Post('write')
  write(@Session() session: Session, @Body() entries: Record<string, unknown>) {
    for (const [key, value] of Object.entries(entries)) session.set(key, value);
    return entries;
  }
}

@Controller()
class SignInController {
  constructor(private readonly sessions: SessionManager) {}

  @Post('sign-in')
  async signIn() {
    const session = await this.sessions.regenerate();
    session.user = 'Ada';
    return 'signed in';
  }

  @Post('sign-out')
  async signOut() {
    await this.sessions.destroy();
    return 'signed out';
  }
}

/** Counts what the tier is asked for. */
class CountedAdapter extends PostgresAdapter {
  readonly reads: string[] = [];

  override get(key: string): Promise<unknown> {
    this.reads.push(key);
    return super.get(key);
  }
}

const SECRETS = { secrets: 'x'.repeat(32) };

describe.each(PLATFORMS)('a durable tier behind memcached, on %s', (platform) => {
  let memcached: Memcached;
  let postgres: Postgres;
  let clock: TestClock;
  const opened: SessionApp[] = [];

  beforeAll(async () => {
    [memcached, postgres] = await Promise.all([startMemcached(), startPostgres()]);
  }, 60_000);

  afterAll(() => Promise.all([memcached.stop(), postgres.stop()]));

  beforeEach(() => {
    clock = new TestClock();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((app) => app.close()));
  });

  /** A process of its own, as far as sessions are concerned. */
  async function start(options: SessionModuleOptions = {}) {
    const adapter = new CountedAdapter({ uri: postgres.url });
    const app = await startSessionApp({
      platform,
      clock: clock.now,
      controllers: [AccountController, SignInController],
      options: {
        stores: [memcachedStore(memcached.server), new Keyv({ store: adapter })],
        ...options,
      },
    });
    opened.push(app);
    return { app, adapter };
  }

  async function restartMemcached(): Promise<void> {
    await memcached.kill();
    memcached = await startMemcached({ port: memcached.port });
  }

  /** The statuses until it is served again, within this number of milliseconds. */
  async function served(visitor: Visitor, within = 2_000) {
    for (const end = performance.now() + within; ;) {
      const response = await visitor.get('/read');
      if (response.status === 200) return response;
      expect(response.status).toBe(503);
      expect(response.setCookies).toEqual([]);
      expect(performance.now()).toBeLessThan(end);
    }
  }

  it.each([
    ['without secrets', {}],
    ['with secrets', SECRETS],
  ])('keeps all sessions when memcached loses its memory, %s', async (_which, options) => {
    const { app } = await start(options);
    const visitor = app.visitor();
    await visitor.post('/write', { name: 'Ada', cart: ['tea'] });
    await visitor.post('/sign-in');
    await restartMemcached();
    const response = await served(visitor);
    expect(response.json).toEqual({ name: 'Ada', cart: ['tea'], user: 'Ada' });
    expect(response.setCookies).toEqual([]);
  });

  it('loses no session and no acknowledged write when memcached is killed under load', async () => {
    const { app } = await start();
    const visitors = Array.from({ length: 20 }, () => app.visitor());
    await Promise.all(visitors.map((visitor) => visitor.post('/increment')));
    let isOver = false;
    const runs = visitors.map(async (visitor) => {
      let acknowledged = 1;
      let refused = 0;
      while (!isOver) {
        const { status, json } = await visitor.post('/increment');
        if (status >= 500) refused++;
        else {
          // What was refused may have been stored.
          expect(json.count).toBeGreaterThan(acknowledged);
          expect(json.count).toBeLessThanOrEqual(acknowledged + 1 + refused);
          acknowledged = json.count as number;
          refused = 0;
        }
      }
      return acknowledged;
    });
    for (let round = 0; round < 3; round++) {
      const busy = app.visitor();
      for (let request = 0; request < 20; request++) await busy.get('/read');
      await restartMemcached();
      await served(visitors[0]!);
    }
    isOver = true;
    const counts = await Promise.all(runs);
    for (const [n, visitor] of visitors.entries()) {
      expect((await served(visitor)).json.count).toBeGreaterThanOrEqual(counts[n]!);
    }
  }, 60_000);

  it('is read once per process for 50 parallel requests', async () => {
    const processes = await Promise.all([start(), start()]);
    const first = processes[0].app.visitor();
    await first.post('/write', { name: 'Ada' });
    await memcached.flush();
    const responses = await Promise.all(
      processes.flatMap(({ app }) =>
        Array.from({ length: 25 }, () =>
          app.visitor().get('/read', { headers: { cookie: first.cookie } }),
        ),
      ),
    );
    for (const { status, json } of responses) {
      expect([status, json]).toEqual([200, { name: 'Ada' }]);
    }
    for (const { adapter } of processes) {
      expect(adapter.reads).toHaveLength(new Set(adapter.reads).size);
    }
    await first.get('/read');
    expect(processes.map(({ adapter }) => adapter.reads.length)).not.toEqual([0, 0]);
  });

  it('is not read for sessions that memcached has', async () => {
    const { app, adapter } = await start();
    const visitor = app.visitor();
    await visitor.post('/increment');
    await visitor.post('/increment');
    await visitor.get('/read');
    await visitor.post('/sign-in');
    expect(adapter.reads).toEqual([]);
  });

  it('keeps all deadlines', async () => {
    const { app } = await start({ timeout: 600, absoluteTimeout: 1500 });
    const visitor = app.visitor();
    await visitor.post('/write', { name: 'Ada' });
    const [busy, idle] = [visitor, app.visitor()];
    await idle.post('/write', { name: 'Bob' });
    clock.pass(500);
    await memcached.flush();
    expect((await busy.get('/read')).json).toEqual({ name: 'Ada' });
    clock.pass(200);
    await memcached.flush();
    expect((await idle.get('/read')).json).toEqual({});
    expect((await busy.get('/read')).json).toEqual({ name: 'Ada' });
    clock.pass(500);
    await busy.get('/read');
    clock.pass(301);
    await memcached.flush();
    expect((await busy.get('/read')).json).toEqual({});
  });

  it('has a sign-out and a new id before they are answered', async () => {
    const { app } = await start();
    const [leaver, member] = [app.visitor(), app.visitor()];
    await Promise.all([leaver, member].map((who) => who.post('/write', { name: 'Ada' })));
    const [left, old] = [leaver.cookie, member.cookie];
    expect((await leaver.post('/sign-out')).status).toBe(201);
    expect((await member.post('/sign-in')).status).toBe(201);
    for (let loss = 0; loss < 2; loss++) {
      await memcached.flush();
      for (const cookie of [left, old]) {
        expect((await app.visitor().get('/read', { headers: { cookie } })).json).toEqual({});
      }
      expect((await member.get('/read')).json).toEqual({ name: 'Ada', user: 'Ada' });
    }
  });

  it('has the newest record of a session that two processes write', async () => {
    const processes = await Promise.all([start(), start()]);
    const visitor = processes[0].app.visitor();
    await visitor.post('/increment');
    const { cookie } = visitor;
    await Promise.all(
      processes.map(async ({ app }) => {
        for (let n = 0; n < 50; n++) {
          const response = await app.visitor().post('/increment', {}, { headers: { cookie } });
          expect(response.status).toBe(201);
        }
      }),
    );
    await memcached.flush();
    expect((await visitor.get('/read')).json).toEqual({ count: 101 });
  });

  it('lets requests continue that began before memcached lost the session', async () => {
    const { app } = await start();
    const visitor = app.visitor();
    await visitor.post('/increment');
    for (let n = 0; n < 20; n++) {
      const writing = visitor.post('/increment');
      await memcached.flush();
      expect((await writing).status).toBe(201);
    }
    await memcached.flush();
    expect((await visitor.get('/read')).json).toEqual({ count: 21 });
  });

  it('rotates ids while it is up, and postpones that while it is down', async () => {
    const { app } = await start({ rotateEvery: 60, durable: 'besteffort' });
    const visitor = app.visitor();
    await visitor.post('/increment');
    clock.pass(61);
    expect((await visitor.post('/increment')).setCookies).toHaveLength(1);
    clock.pass(61);
    await postgres.kill();
    const refused = await visitor.post('/increment');
    await postgres.restart();
    expect([refused.status, refused.setCookies]).toEqual([201, []]);
    expect((await visitor.post('/increment')).setCookies).toHaveLength(1);
    await memcached.flush();
    expect((await visitor.get('/read')).json).toEqual({ count: 4 });
  });

  describe('while Postgres is down', () => {
    it('serves reads and answers writes with 503 if it is required, and reports no session as missing', async () => {
      const { app } = await start();
      const [visitor, other] = [app.visitor(), app.visitor()];
      await Promise.all([visitor, other].map((who) => who.post('/increment')));
      await postgres.kill();
      try {
        expect((await visitor.get('/read')).json).toEqual({ count: 1 });
        const requests = [
          ...[visitor.post('/increment'), app.visitor().post('/increment')],
          ...[other.post('/sign-out'), other.post('/sign-in')],
        ];
        for (const response of await Promise.all(requests)) {
          expect([response.status, response.setCookies]).toEqual([503, []]);
        }
        await memcached.flush();
        expect((await other.get('/read')).status).toBe(503);
      } finally {
        await postgres.restart();
      }
      expect((await served(other)).json).toEqual({ count: 1 });
      expect((await other.post('/sign-out')).status).toBe(201);
      expect((await visitor.post('/increment')).status).toBe(201);
    });

    it('serves all with best effort, reports the outage once, and copies at the next write', async () => {
      const { app } = await start({ durable: 'besteffort' });
      const visitor = app.visitor();
      await visitor.post('/increment');
      await postgres.kill();
      let newcomer: Visitor;
      try {
        for (let n = 0; n < 10; n++) expect((await visitor.post('/increment')).status).toBe(201);
        newcomer = app.visitor();
        expect((await newcomer.post('/write', { name: 'Bob' })).status).toBe(201);
        expect((await newcomer.post('/sign-out')).status).toBe(503);
      } finally {
        await postgres.restart();
      }
      const servers = () => app.app.get(SessionMonitor).servers;
      const isDown = () => servers().some(({ state }) => state === 'down');
      while (isDown()) await new Promise((resolve) => setImmediate(resolve));
      expect(app.logged.errors).toEqual([
        expect.stringMatching(
          /CountedAdapter \(.*ECONN|CountedAdapter \(.*terminat|CountedAdapter \(.*Connection/,
        ),
      ]);
      await visitor.post('/increment');
      clock.pass(6);
      await newcomer.get('/read');
      await memcached.flush();
      expect((await visitor.get('/read')).json).toEqual({ count: 12 });
      expect((await newcomer.get('/read')).json).toEqual({ name: 'Bob' });
    });
  });

  it('answers 503 to a sign-out while memcached is down, and the second attempt is final', async () => {
    const { app } = await start();
    const visitor = app.visitor();
    await visitor.post('/write', { name: 'Ada' });
    const { cookie } = visitor;
    memcached.pause();
    expect((await visitor.post('/sign-out')).status).toBe(503);
    memcached.resume();
    await served(visitor);
    expect((await visitor.post('/sign-out')).status).toBe(201);
    await restartMemcached();
    for (const again of [0, 1]) {
      const late = app.visitor();
      late.cookie = cookie;
      expect([again, (await served(late)).json]).toEqual([again, {}]);
    }
  });
});
