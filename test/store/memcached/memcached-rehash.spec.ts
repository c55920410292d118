import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Keyv } from 'keyv';

import { newSessionId } from '../../../src/session/session-id.js';
import type { SessionStore } from '../../../src/session/session-store.js';
import { SessionStoreError } from '../../../src/session/session.errors.js';
import type { MemcachedAdapter } from '../../../src/store/memcached/memcached-adapter.js';
import { memcachedStore } from '../../../src/store/memcached/memcached-store.js';
import { best } from '../../../src/store/memcached/server-ranking.js';
import { startMemcached, type Memcached } from '../../support/memcached.js';
import { storeKeyOf } from '../../support/store-key.js';
import { sessionStoreOver, TIMEOUT } from '../../support/stores.js';

const TIME_OUT = 200;

describe('sessions of a server that is down, with rehash', () => {
  let servers: Memcached[];
  let lost: Memcached;
  let process: Client;
  let key: string;

  interface Client {
    readonly keyv: Keyv;
    readonly store: SessionStore;
  }

  beforeEach(async () => {
    servers = await Promise.all(Array.from({ length: 3 }, () => startMemcached()));
    lost = servers[1]!;
    process = open();
    key = keyOn(lost);
    await process.store.create(key, 'old', TIMEOUT);
  });

  afterEach(async () => {
    await process.keyv.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
  });

  function open(): Client {
    const names = servers.map(({ server }) => server);
    const keyv = memcachedStore({ servers: names, timeout: TIME_OUT, rehash: true });
    return { keyv, store: sessionStoreOver(keyv) };
  }

  /** A new key whose own server is this one. */
  function keyOn({ server }: Memcached): string {
    const all = servers.map((one) => ({ server: one.server, weight: 1 }));
    for (;;) {
      const candidate = storeKeyOf(newSessionId());
      if (best(all, candidate).server === server) return candidate;
    }
  }

  const healthOf = ({ keyv }: Client) =>
    (keyv.store as MemcachedAdapter).servers.find((one) => one.server === lost.server)!;
  const stateOf = (client: Client) => healthOf(client).state;

  async function seenDown(client: Client): Promise<void> {
    while (stateOf(client) !== 'down') {
      await client.store.find(key).catch((error: unknown) => {
        expect(error).toBeInstanceOf(SessionStoreError);
      });
    }
  }

  async function seenUp(client: Client): Promise<void> {
    for (const end = Date.now() + 5_000; stateOf(client) === 'down'; await delay(10)) {
      expect(Date.now()).toBeLessThan(end);
    }
  }

  it('are gone, and new ones live on the others: read, changed and removed', async () => {
    await lost.kill();
    await seenDown(process);
    expect(await process.store.find(key)).toBeUndefined();
    const fresh = keyOn(lost);
    expect(await process.store.create(fresh, 'new', TIMEOUT)).toBe('stored');
    expect(await process.store.create(fresh, 'again', TIMEOUT)).toBe('taken');
    const found = (await process.store.find(fresh))!;
    expect(await process.store.update(fresh, 'newer', found.version, TIMEOUT)).toBe('stored');
    expect(await process.store.update(fresh, 'late', found.version, TIMEOUT)).toBe('changed');
    const { text, version } = (await process.store.find(fresh))!;
    expect(text).toBe('newer');
    expect(await process.store.remove(fresh, version)).toBe('removed');
    expect(await process.store.find(fresh)).toBeUndefined();
  });

  it('that hung are not served again when it is back, and those on the others go on', async () => {
    lost.pause();
    await seenDown(process);
    const fresh = keyOn(lost);
    await process.store.create(fresh, 'new', TIMEOUT);
    lost.resume();
    await seenUp(process);
    expect(await process.store.find(key)).toBeUndefined();
    expect((await process.store.find(fresh))?.text).toBe('new');
    const later = keyOn(lost);
    await process.store.create(later, 'later', TIMEOUT);
    expect(await lost.keys()).toContain(later);
  });

  it('that are new there stay, however many processes see it come back', async () => {
    const other = open();
    lost.pause();
    await Promise.all([seenDown(process), seenDown(other)]);
    // memcached's clock counts in whole seconds.
    while (healthOf(other).secondsDown < 2) await delay(10);
    lost.resume();
    await seenUp(process);
    const later = keyOn(lost);
    await process.store.create(later, 'later', TIMEOUT);
    await seenUp(other);
    expect((await other.store.find(later))?.text).toBe('later');
    await other.keyv.disconnect();
  });
});
