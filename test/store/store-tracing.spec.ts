import diagnostics, { type TracingChannelSubscribers } from 'node:diagnostics_channel';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';

import { openSessionStore } from '../../src/store/store.factory.js';
import { traced, type StoreOperation } from '../../src/store/store-tracing.js';
import { useMemcached } from '../support/hooks.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { recordingProxy, type RecordingProxy } from '../support/recording-proxy.js';
import { KEY_PREFIX, TIMEOUT } from '../support/stores.js';
import { watchedStore, type WatchedStore } from '../support/watched-store.js';

const KEY = 'sess:SECRET-key';
const TEXT = 'SECRET text';
const channel = diagnostics.tracingChannel<StoreOperation>('nestjs-session-manager:store');

type Event = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';
interface Heard {
  readonly event: Event;
  readonly message: StoreOperation & { error?: unknown };
  /** All of the message, as it was when it came. */
  readonly shown: string;
}

describe('the tracing channel of a store', () => {
  let heard: Heard[];
  const hear = (event: Event) => (message: object) =>
    void heard.push({
      event,
      message: { ...(message as Heard['message']) },
      shown: inspect(message, { depth: Infinity, showHidden: true }),
    });
  const subscribers: TracingChannelSubscribers<StoreOperation> = {
    start: hear('start'),
    end: hear('end'),
    asyncStart: hear('asyncStart'),
    asyncEnd: hear('asyncEnd'),
    error: hear('error'),
  };

  beforeEach(() => {
    heard = [];
    channel.subscribe(subscribers);
  });

  afterEach(() => {
    channel.unsubscribe(subscribers);
  });

  const told = (...events: Event[]) =>
    heard.filter(({ event }) => events.includes(event)).map(({ message }) => message);
  const operations = () => told('asyncEnd').map(({ operation }) => operation);
  const expectNoSecret = () => {
    for (const { event, shown } of heard) expect(`${event} ${shown}`).not.toMatch(/SECRET/);
  };

  describe('over memcached', () => {
    const memcached = useMemcached();
    let proxy: RecordingProxy;
    let open: WatchedStore;

    beforeEach(async () => {
      await memcached.flush();
      proxy = await recordingProxy(memcached.port);
      open = watchedStore({ servers: proxy.server, timeout: 200 });
    });

    afterEach(async () => {
      await open.keyv.disconnect();
      await proxy.close();
    });

    const useAll = async (): Promise<void> => {
      const { store } = open;
      await store.create(KEY, TEXT, TIMEOUT);
      const { version } = (await store.find(KEY))!;
      await store.update(KEY, `${TEXT} again`, version, TIMEOUT);
      await store.remove(KEY, (await store.find(KEY))!.version);
      await store.find(KEY);
    };

    it('publishes each operation with its server and duration', async () => {
      await useAll();
      expect(operations()).toEqual(['create', 'find', 'update', 'find', 'remove', 'find']);
      for (const { server, duration } of told('asyncEnd')) {
        expect(server).toBe(proxy.server);
        expect(duration).toBeGreaterThan(0);
        expect(duration).toBeLessThan(60_000);
      }
      expect(told('start')).toHaveLength(6);
      for (const message of told('start')) {
        expect(message).toEqual({ operation: expect.any(String), server: proxy.server });
      }
      expect(told('error')).toEqual([]);
    });

    it('publishes the right duration', async () => {
      proxy.delayReplies(60);
      await open.store.find(KEY);
      expect(told('asyncEnd')[0]!.duration).toBeGreaterThan(55);
    });

    it('publishes no key and no value', async () => {
      await useAll();
      await open.keyv.set('SECRET', 'SECRET');
      await open.keyv.get('SECRET');
      await open.keyv.delete('SECRET');
      expect(operations().slice(6)).toEqual(['set', 'get', 'delete']);
      expectNoSecret();
    });

    it('publishes a failed operation with its error and duration, then its end', async () => {
      proxy.hang(true);
      await open.store.find(KEY).catch(() => undefined);
      const [error] = told('error');
      expect(error).toMatchObject({
        ...{ operation: 'find', server: proxy.server, duration: expect.any(Number) },
        error: { message: 'no answer within 200 ms' },
      });
      const events = heard.map(({ event }) => event);
      expect(events.indexOf('error')).toBeLessThan(events.indexOf('asyncEnd'));
      expect(error!.duration).toBeGreaterThan(150);
      expectNoSecret();
    });

    it('publishes a refused write as answered', async () => {
      await open.store.create(KEY, TEXT, TIMEOUT);
      heard = [];
      expect(await open.store.create(KEY, TEXT, TIMEOUT)).toBe('taken');
      expect(operations()).toEqual(['create']);
      expect(told('error')).toEqual([]);
      expectNoSecret();
    });

    it('publishes operations that are not tried while the server is down', async () => {
      await proxy.refuse(true);
      proxy.cut();
      for (let time = 0; time < 6; time++) await open.store.find(KEY).catch(() => undefined);
      expect(open.servers[0]!.state).toBe('down');
      expect(told('error')).toHaveLength(6);
      expect(told('error').at(-1)).toMatchObject({ error: { message: /is down$/ } });
      expectNoSecret();
    });

    it('runs subscribers in the async context of the operation', async () => {
      const { AsyncLocalStorage } = await import('node:async_hooks');
      const storage = new AsyncLocalStorage<string>();
      const seen: (string | undefined)[] = [];
      const own = { start: () => void seen.push(storage.getStore()) };
      const other = { asyncEnd: () => void seen.push(storage.getStore()) };
      channel.start.subscribe(own.start);
      channel.asyncEnd.subscribe(other.asyncEnd);
      await Promise.all([
        storage.run('one', () => open.store.find(KEY)),
        storage.run('two', () => open.store.find(KEY)),
      ]);
      channel.start.unsubscribe(own.start);
      channel.asyncEnd.unsubscribe(other.asyncEnd);
      expect(seen).toEqual(['one', 'two', 'one', 'two']);
    });

    it('publishes nothing after the last subscriber has left', async () => {
      channel.unsubscribe(subscribers);
      await useAll();
      expect(heard).toEqual([]);
    });
  });

  it('publishes operations of any other store, by the name of its adapter', async () => {
    const cache = createCache({ stores: [new Keyv({ store: new PlainAdapter() })] });
    const settings = { keyPrefix: KEY_PREFIX, timeout: TIMEOUT, now: Date.now };
    const { store } = openSessionStore(cache, settings);
    await store.create(KEY, TEXT, TIMEOUT);
    await store.find(KEY);
    expect(told('asyncEnd')).toMatchObject([
      { operation: 'create', server: 'PlainAdapter', duration: expect.any(Number) },
      { operation: 'find', server: 'PlainAdapter', duration: expect.any(Number) },
    ]);
    expectNoSecret();
  });

  it('passes on the result or error of the operation', async () => {
    const error = new Error('connection reset');
    expect(await traced('cache-1', 'find', () => Promise.resolve(42))).toBe(42);
    await expect(traced('cache-1', 'find', () => Promise.reject(error))).rejects.toBe(error);
  });
});

describe('without a subscriber', () => {
  it('an operation is run unchanged', () => {
    const promise = Promise.resolve(42);
    expect(traced('cache-1', 'find', () => promise)).toBe(promise);
  });

  it('a subscriber to one event of an operation is enough', async () => {
    for (const event of ['start', 'asyncEnd'] as const) {
      const heard: unknown[] = [];
      const listener = (message: unknown) => void heard.push(message);
      channel[event].subscribe(listener);
      await traced('cache-1', 'find', () => Promise.resolve(42));
      channel[event].unsubscribe(listener);
      expect(heard).toMatchObject([{ operation: 'find', server: 'cache-1' }]);
    }
  });
});
