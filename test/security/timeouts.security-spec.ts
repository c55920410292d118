import { setTimeout as delay } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';
import { Keyv } from 'keyv';

import { SessionOptionsError } from '../../src/index.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { useMemcached } from '../support/hooks.js';
import { startSessionApp } from '../support/session-app.js';
import { storeKeyOf } from '../support/store-key.js';
import { secondsLeft } from '../support/stores.js';
import { STORES, VALKEY } from './attacked-stores.js';
import { AccountController, idOf, securityWorldOn } from './security-world.js';

const DAY = 24 * 60 * 60;
const controllers = [AccountController];

describe('timeouts', () => {
  const memcached = useMemcached();

  it('A7.3.1: an idle session ends in memcached, and its visitor has no session', async () => {
    const app = await startSessionApp({
      controllers,
      options: { memcached: memcached.server, timeout: 1 },
    });
    try {
      const one = app.visitor();
      await one.get('/put?value=Ada');
      const key = storeKeyOf(idOf(one));
      // There is no event to wait for: memcached says it only when asked.
      while ((await memcached.command(`mg ${key} t`)) !== 'EN\r\n') await delay(50);
      expect((await one.get('/read')).body).toBe('{}');
    } finally {
      await app.close();
    }
  });

  it('A7.3.1: a session past its idle deadline has ended, although a store still has the record', async () => {
    const clock = new TestClock();
    const records = new Map<string, unknown>();
    const app = await startSessionApp({
      controllers,
      clock: clock.now,
      options: { stores: new Keyv({ store: records }), timeout: 1200 },
    });
    try {
      const one = app.visitor();
      await one.get('/put?value=Ada');
      clock.pass(1199);
      expect((await one.get('/read')).json).toEqual({ mark: 'Ada' });
      // Renewal is a write there, so that they may end up to a tenth later.
      clock.pass(1200 * 1.1);
      expect(records.size).toBe(1);
      expect((await one.get('/read')).body).toBe('{}');
    } finally {
      await app.close();
    }
  });

  it.each([
    [{ timeout: 31 * DAY }],
    [{ timeout: 0 }],
    [{ timeout: -1 }],
    [{ timeout: NaN }],
    [{ timeout: 0.5 }],
    [{ timeout: Infinity }],
    [{ timeout: '1200' as unknown as number }],
    [{ absoluteTimeout: 0 }],
    [{ absoluteTimeout: NaN }],
    [{ rotateEvery: 0 }],
    [{ rotateGrace: -1 }],
  ])('A7.3.1-2: %j is refused at start', async (options) => {
    const starting = startSessionApp({
      controllers,
      options: { memcached: memcached.server, ...options },
    });
    await expect(starting).rejects.toBeInstanceOf(SessionOptionsError);
  });

  it.each([
    [{ timeout: 30 * DAY, absoluteTimeout: false as const }, 30 * DAY],
    [{ timeout: 1200 }, 1200],
    [{ timeout: 1200, absoluteTimeout: 60 }, 60],
  ])('A7.3.1-2: %j is set in the store', async (options, seconds) => {
    const app = await startSessionApp({
      controllers,
      options: { memcached: memcached.server, ...options },
    });
    try {
      const one = app.visitor();
      await one.get('/put');
      const left = await secondsLeft(memcached, storeKeyOf(idOf(one)));
      expect(left).toBeGreaterThan(seconds - 5);
      // More than that, as memcached's clock ticks once a second.
      expect(left).toBeLessThanOrEqual(seconds + 3);
    } finally {
      await app.close();
    }
  });
});

describe.each([...STORES, VALKEY])('a session in constant use, in $name', ({ startStore }) => {
  it('A7.3.2: ends at its absolute deadline, which a new id does not change', async () => {
    const world = await securityWorldOn(startStore, { options: { absoluteTimeout: DAY } });
    try {
      const visitor = await world.visitorWith('Ada');
      for (let seconds = 600; seconds < DAY; seconds += 600) {
        world.clock.pass(600);
        await visitor.get(seconds % 7200 ? '/count' : '/login');
      }
      expect((await visitor.get('/read')).json).toEqual({ mark: 'Ada', user: 'Ada', visits: 132 });
      world.clock.pass(600);
      expect((await visitor.get('/read')).body).toBe('{}');
    } finally {
      await world.close();
    }
  });
});
