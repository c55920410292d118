import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { memcachedStore, type SessionModuleOptions } from '../../../src/index.js';
import { crowdNow, outcomesOf, type CrowdSeen } from '../../support/crowd-client.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { PlainAdapter } from '../../support/plain-adapter.js';
import { recordingProxy, type RecordingProxy } from '../../support/recording-proxy.js';
import { PLATFORMS, type Platform } from '../../support/session-app.js';
import { BusyWorld, JOIN, READ, slowest, surroundingsOf, UNTOUCHED, WRITE } from './busy-world.js';

/** Milliseconds that a store may take to answer; and what a busy machine may add. */
const TIMEOUT = 500;
const SLACK = 4_000;
const CROWD = 1_000;
const PER_SECOND = 300;
/** Some of them use no session: their times show how busy the machine is. */
const MIX = [READ, READ, READ, WRITE, UNTOUCHED];
const MIX_OF_READS = [UNTOUCHED, ...Array.from({ length: 10 }, () => READ)];

/** A store with latency. */
class DistantAdapter extends PlainAdapter {
  override async get(key: string): Promise<any> {
    await delay(2);
    return super.get(key);
  }
}

let memcached: Memcached;
let proxy: RecordingProxy;
let plain: DistantAdapter;
let world: BusyWorld;

interface Hanging {
  readonly options: () => SessionModuleOptions;
  /** Makes it answer nothing any more. */
  readonly hang: () => void;
}

const STORES: Record<string, Hanging> = {
  'memcached, which cannot be reached,': {
    options: () => ({ memcached: proxy.server }),
    hang: () => proxy.hang(true),
  },
  'a plain Keyv store': {
    options: () => ({ stores: plain }),
    hang: () => (plain.hangs = true),
  },
  'memcached with a durable copy': {
    options: () => ({ stores: [memcachedStore(memcached.server), plain] }),
    hang: () => memcached.pause(),
  },
};

const HANGING = surroundingsOf(Object.keys(STORES));

beforeEach(async () => {
  memcached = await startMemcached();
  proxy = await recordingProxy(memcached.port);
  plain = new DistantAdapter();
});

afterEach(async () => {
  await world.close();
  await proxy.close();
  await memcached.stop();
});

/** Those that used a session, and what the machine may have added to each of them. */
function apart(seen: readonly CrowdSeen[]): { users: CrowdSeen[]; slack: number } {
  const [users, others] = [false, true].map((is) =>
    seen.filter(({ path }) => (path === UNTOUCHED.path) === is),
  );
  return { users: users!, slack: SLACK + 2 * slowest(others!) };
}

async function start(platform: Platform, options: SessionModuleOptions, clients: number) {
  world = await BusyWorld.start(platform, options);
  await world.crowd.open(clients, JOIN);
}

describe.each(HANGING)('%s that hangs, on %s', (store, platform) => {
  const { options, hang } = STORES[store]!;

  it.each([
    ['a read', READ],
    ['a write', WRITE],
  ])('refuses %s after the timeout', async (_what, request) => {
    await start(platform, options(), 1);
    hang();
    const [seen] = await world.crowd.ask(1, [request]);
    expect(seen).toMatchObject({ outcome: 503 });
    expect(seen!.took).toBeGreaterThan(TIMEOUT - 100);
    expect(seen!.took).toBeLessThan(TIMEOUT + SLACK);
  });

  it('refuses 300 requests a second in time, and at once after it is detected', async () => {
    await start(platform, options(), 600);
    const loaded = world.crowd.load(PER_SECOND, MIX);
    await delay(300);
    hang();
    const at = crowdNow();
    await delay(5 * TIMEOUT);
    await world.crowd.stop();
    const seen = await loaded;
    const { users, slack } = apart(seen.filter(({ began }) => began > at));
    expect(outcomesOf(users)).toEqual({ 503: users.length });
    expect(slowest(users)).toBeLessThan(TIMEOUT + slack);
    expect(new Set(world.states)).toContain('down');
    const late = users.filter(({ began }) => began > at + 4 * TIMEOUT);
    expect(slowest(late)).toBeLessThan(slack);
  });

  it('refuses 1,000 simultaneous requests in time', async () => {
    await start(platform, options(), CROWD + 100);
    hang();
    const { users, slack } = apart(await world.crowd.ask(CROWD + 100, MIX_OF_READS));
    expect(outcomesOf(users)).toEqual({ 503: CROWD });
    expect(slowest(users)).toBeLessThan(TIMEOUT + slack);
  });
});

describe.each(PLATFORMS)('a durable copy that hangs, on %s', (platform) => {
  it('refuses writes in time, but no reads', async () => {
    await start(platform, { stores: [memcachedStore(memcached.server), plain] }, 600);
    const loaded = world.crowd.load(PER_SECOND, MIX);
    await delay(300);
    plain.hangs = true;
    const at = crowdNow();
    await delay(3 * TIMEOUT);
    await world.crowd.stop();
    const { users, slack } = apart((await loaded).filter(({ began }) => began > at));
    const [reads, writes] = [READ, WRITE].map((one) =>
      users.filter(({ path }) => path === one.path),
    );
    expect(outcomesOf(reads!)).toEqual({ served: reads!.length });
    expect(outcomesOf(writes!)).toEqual({ 503: writes!.length });
    expect(slowest(reads!)).toBeLessThan(slack);
    expect(slowest(writes!)).toBeLessThan(TIMEOUT + slack);
  });
});
