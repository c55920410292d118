import type { SessionCache } from '../../src/store/cache.js';
import { Exchange } from './exchange.js';
import type { Names } from './names.js';
import type { Scheduler } from './scheduler.js';

interface Kept {
  readonly value: unknown;
  readonly endsAt: number;
}

/** A database that can only read and overwrite, as the durable tier is kept in. */
export class SimulatedDatabase {
  isDown = false;
  private readonly rows = new Map<string, Kept>();

  constructor(private readonly now: () => number) {}

  get(key: string): unknown {
    const kept = this.rows.get(key);
    return kept && kept.endsAt > this.now() ? kept.value : undefined;
  }

  set(key: string, value: unknown, milliseconds: number): void {
    this.rows.set(key, { value, endsAt: this.now() + milliseconds });
  }

  delete(key: string): boolean {
    return this.rows.delete(key);
  }
}

/** One process's cache over it. */
export function simulatedCache(
  database: SimulatedDatabase,
  scheduler: Scheduler,
  names: Names,
): SessionCache {
  const ask = <T>(verb: string, key: string, take: () => T): Promise<T> => {
    const what = () => `${verb} ${names.of(key)} in the tier`;
    return new Exchange(scheduler, { what, take, isDown: () => database.isDown }).answer;
  };
  const cache = {
    get: (key: string) => ask('get', key, () => database.get(key)),
    set: (key: string, value: unknown, ttl: number) =>
      ask('set', key, () => (database.set(key, value, ttl), value)),
    del: (key: string) => ask('delete', key, () => database.delete(key)),
    on: () => cache,
  };
  return cache as unknown as SessionCache;
}
