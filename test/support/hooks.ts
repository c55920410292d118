import { afterAll, beforeAll } from '@jest/globals';

import { startMemcached, type Memcached } from './memcached.js';
import { startPostgres, type Postgres } from './postgres.js';
import { startRedis, type Redis, type RedisOptions } from './redis.js';
import { recordingProxy, type RecordingProxy } from './recording-proxy.js';
import { startSessionApp, type SessionApp, type SessionAppSettings } from './session-app.js';

/** A memcached for all tests of a `describe`, or of a file. */
export function useMemcached(): Memcached {
  return use(startMemcached, (memcached) => memcached.stop());
}

/** A Redis, in the same way. */
export function useRedis(options?: RedisOptions): Redis {
  return use(
    () => startRedis(options),
    (redis) => redis.stop(),
  );
}

/** A PostgreSQL for all tests of a `describe`, or of a file. */
export function usePostgres(): Postgres {
  return use(startPostgres, (postgres) => postgres.stop());
}

/** A proxy in front of memcached, for all tests of a `describe`, that records the commands. */
export function useRecordingProxy(memcached: Memcached): RecordingProxy {
  return use(
    () => recordingProxy(memcached.port),
    (proxy) => proxy.close(),
  );
}

/** An application for all tests of a `describe`. The settings may read what an earlier `use()` returned. */
export function useSessionApp(settings: () => SessionAppSettings): SessionApp {
  return use(
    () => startSessionApp(settings()),
    (app) => app.close(),
  );
}

const ends: (() => Promise<unknown> | undefined)[] = [];

/**
 * Returns what `start` makes before the first test; it cannot be read earlier. What was started first is
 * ended last.
 */
export function use<T extends object>(
  start: () => Promise<T>,
  end: (started: T) => Promise<unknown>,
): T {
  let started: T | undefined;
  beforeAll(async () => {
    ends.push(() => started && end(started));
    started = await start();
  }, 60_000);
  // Jest calls these in the order of their registration. Each call ends the latest start.
  afterAll(() => ends.pop()?.());
  return new Proxy({} as T, {
    get(_target, name) {
      if (!started) throw new Error(`Before the first test, there is no ${String(name)}.`);
      return Reflect.get(started, name) as unknown;
    },
  });
}
