import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';

import { memcachedStore, Session, type SessionModuleOptions } from '../../src/index.js';
import { startMemcached, type Memcached } from '../support/memcached.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { startSessionApp, type SessionApp } from '../support/session-app.js';

@Controller()
class LifeController {
  @Get()
  all(@Session() session: Session) {
    return { isNew: session.isNew, entries: session.toJSON() };
  }

  @Get('write')
  write(@Session() session: Session) {
    session.increment('writes');
    return { createdAt: session.createdAt, expiresAt: session.expiresAt };
  }

  @Get('regenerate')
  async regenerate(@Session() session: Session) {
    await session.regenerate();
  }
}

const controllers = [LifeController];
const SECOND = 1000;

describe('the life of a session', () => {
  let memcached: Memcached;
  let wire: RecordingProxy;
  const apps: SessionApp[] = [];
  let time = Date.now();

  beforeAll(async () => {
    memcached = await startMemcached();
    wire = await recordingProxy(memcached.port);
  });

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await wire.close();
    await memcached.stop();
  });

  async function start(options: SessionModuleOptions = { memcached: wire.server }) {
    const app = await startSessionApp({ controllers, options, clock: () => time });
    apps.push(app);
    return app;
  }

  /** Seconds that the record of the last command will live: memcached is asked for one more. */
  async function timeToLive() {
    const reply = await memcached.command(`mg ${wire.commands.at(-1)!.key} t`);
    return Number(/ t(-?\d+)/.exec(reply)?.[1]) - 1;
  }

  describe('in memcached', () => {
    it('has the idle timeout, renewed by a read', async () => {
      const app = await start({ memcached: wire.server, timeout: 600 });
      const visitor = app.visitor();
      await visitor.get('/write');
      expect(await timeToLive()).toBe(600);
      const { key } = wire.commands.at(-1)!;
      await memcached.command(`touch ${key} 11`);
      expect(await timeToLive()).toBe(10);
      await visitor.get('/');
      expect(await timeToLive()).toBe(600);
    });

    it('ends for all entries together when memcached drops it', async () => {
      const visitor = (await start()).visitor();
      await visitor.get('/write');
      await memcached.command(`touch ${wire.commands.at(-1)!.key} -1`);
      expect((await visitor.get('/')).json).toEqual({ isNew: true, entries: {} });
    });

    it('ends at the absolute deadline, which a new id does not change', async () => {
      const options = { memcached: wire.server, timeout: 600, absoluteTimeout: 1000 };
      const visitor = (await start(options)).visitor();
      const { createdAt } = (await visitor.get('/write')).json as { createdAt: string };
      expect(await timeToLive()).toBe(600);
      time += 500 * SECOND;
      const later = (await visitor.get('/write')).json as { createdAt: string; expiresAt: string };
      expect(later.createdAt).toBe(createdAt);
      expect(Date.parse(later.expiresAt) - Date.parse(createdAt)).toBe(1000 * SECOND);
      expect(await timeToLive()).toBe(500);
      time += 300 * SECOND;
      await visitor.get('/regenerate');
      time += 199 * SECOND;
      expect((await visitor.get('/')).json).toMatchObject({ isNew: false, entries: { writes: 2 } });
      time += 1 * SECOND;
      const over = await visitor.get('/');
      expect([over.json, over.setCookies]).toEqual([{ isNew: true, entries: {} }, []]);
    });

    it('continues after a restart of the application', async () => {
      const first = await start();
      const visitor = first.visitor();
      await visitor.get('/write');
      await first.close();
      const second = (await start()).visitor();
      second.cookie = visitor.cookie;
      expect((await second.get('/')).json).toEqual({ isNew: false, entries: { writes: 1 } });
    });

    it('is shared by applications with the same memcached, and separate with another prefix', async () => {
      const [one, two] = [await start(), await start()];
      const apart = await start({ memcached: wire.server, keyPrefix: 'other:' });
      const visitor = one.visitor();
      await visitor.get('/write');
      const onTwo = two.visitor();
      onTwo.cookie = visitor.cookie;
      await onTwo.get('/write');
      expect((await visitor.get('/')).json).toMatchObject({ entries: { writes: 2 } });
      const onApart = apart.visitor();
      onApart.cookie = visitor.cookie;
      expect((await onApart.get('/')).json).toEqual({ isNew: true, entries: {} });
    });

    it('is the same in a store of the application’s cache', async () => {
      const app = await start({ stores: memcachedStore(wire.server), timeout: 77 });
      const visitor = app.visitor();
      await visitor.get('/write');
      expect(await timeToLive()).toBe(77);
      wire.reset();
      await visitor.get('/write');
      expect(wire.commands.map(({ name }) => name)).toEqual(['mg', 'cas']);
    });
  });

  describe('in memory', () => {
    it('ends without use for the idle timeout', async () => {
      const visitor = (await start({ timeout: 100 })).visitor();
      await visitor.get('/write');
      time += 99 * SECOND;
      expect((await visitor.get('/')).json).toMatchObject({ isNew: false });
      time += 99 * SECOND;
      expect((await visitor.get('/')).json).toMatchObject({ isNew: false });
      time += 101 * SECOND;
      expect((await visitor.get('/')).json).toMatchObject({ isNew: true });
    });
  });

  it.each([
    [99, 1],
    [100, 0],
    [false as const, 0],
  ])(
    'has a warning at start only if its end comes before it can be idle: %s',
    async (end, count) => {
      const { logged } = await start({ timeout: 100, absoluteTimeout: end });
      const warning = expect.stringMatching(
        /^absoluteTimeout \(99 s\) is shorter than timeout \(100 s\)/,
      );
      expect(logged.warnings).toEqual(Array(count).fill(warning));
    },
  );

  describe('of the cookie', () => {
    it('ends with the browser unless it is persistent', async () => {
      const visitor = (await start()).visitor();
      expect((await visitor.get('/write')).setCookies.join()).not.toMatch(/max-age|expires/i);
    });

    it('if persistent is the timeout, and the cookie is sent again when a third of it is over', async () => {
      const options = { memcached: wire.server, timeout: 100, cookie: { persistent: true } };
      const visitor = (await start(options)).visitor();
      expect((await visitor.get('/write')).setCookies).toEqual([
        expect.stringContaining('Max-Age=100'),
      ]);
      time += 33 * SECOND;
      expect((await visitor.get('/')).setCookies).toEqual([]);
      time += 1 * SECOND;
      const { setCookies } = await visitor.get('/');
      expect(setCookies).toEqual([expect.stringContaining('Max-Age=100')]);
      expect(setCookies.join()).toContain(visitor.cookie);
      expect((await visitor.get('/')).setCookies).toEqual([]);
    });
  });
});
