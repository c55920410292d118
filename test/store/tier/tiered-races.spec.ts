import { describe, expect, it } from '@jest/globals';

import { TieredSessionStore } from '../../../src/store/tier/tiered-store.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { FakeCopies } from '../../support/fake-copies.js';
import { FakeStore } from '../../support/fake-store.js';
import { TIMEOUT } from '../../support/stores.js';

const KEY = 'sess:a';
const PROGRAMS = 300;

/** Park and Miller's generator: the same program for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 48_271 + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

/** Processes over the same two stores, each step of which takes its time. */
class World {
  readonly clock = new TestClock();
  readonly fast = new FakeStore();
  readonly tier = new FakeCopies();
  readonly processes: TieredSessionStore[];
  readonly random: (below: number) => number;

  constructor(seed: number) {
    this.random = randomOf(seed);
    const listener = {
      copyFailed: () => undefined,
      restored: () => undefined,
    };
    const settings = {
      timeout: TIMEOUT,
      now: this.clock.now,
      durable: 'required',
      listener,
    } as const;
    const [fast, tier] = [this.slow(this.fast), this.slow(this.tier)];
    this.processes = [1, 2, 3].map(() => new TieredSessionStore(fast, tier, settings));
  }

  async pause(): Promise<void> {
    for (let turns = this.random(6); turns > 0; turns--) await new Promise(setImmediate);
  }

  /** Adds one until it is stored. `false`: the session is gone. */
  async increment(store: TieredSessionStore): Promise<boolean> {
    for (;;) {
      const found = await store.find(KEY);
      if (!found || found.text === 'moved') return false;
      const next = String(Number(found.text) + 1);
      const result = await store.update(KEY, next, found.version, TIMEOUT);
      if (result !== 'changed') return result === 'stored';
    }
  }

  async end(store: TieredSessionStore, how: 'destroy' | 'move'): Promise<void> {
    for (;;) {
      const found = await store.find(KEY);
      if (!found || found.text === 'moved') return;
      const result =
        how === 'destroy'
          ? await store.remove(KEY, found.version)
          : await store.update(KEY, 'moved', found.version, 300, { isFinal: true });
      if (result !== 'changed') return;
    }
  }

  /** Waits before and after each operation, so that the order of the results is random. */
  private slow<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const method: unknown = Reflect.get(of, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          await this.pause();
          const result: unknown = await method.apply(of, args);
          await this.pause();
          return result;
        };
      },
    });
  }
}

const seeds = Array.from({ length: PROGRAMS }, (_, n) => n + 1);

describe('random programs of three processes over a durable tier', () => {
  it('lose no write that was answered, and leave the tier with all of them', async () => {
    for (const seed of seeds) {
      const world = new World(seed);
      await world.processes[0]!.create(KEY, '0', TIMEOUT);
      const writers = Array.from({ length: 6 }, () => world.processes[world.random(3)]!);
      const stored = await Promise.all(writers.map((store) => world.increment(store)));
      world.fast.drop(KEY);
      const text = (await world.processes[1]!.find(KEY))?.text;
      expect({ seed, stored, text }).toEqual({ seed, stored: stored.map(() => true), text: '6' });
    }
  });

  it.each(['destroy', 'move'] as const)(
    'never restore an ended session, whatever memcached loses meanwhile: %s',
    async (how) => {
      for (const seed of seeds) {
        const world = new World(seed);
        await world.processes[0]!.create(KEY, '0', TIMEOUT);
        const lose = async (): Promise<void> => {
          for (let times = world.random(4); times > 0; times--) {
            await world.pause();
            await world.pause();
            world.fast.drop(KEY);
          }
        };
        const ending = (async () => {
          await world.pause();
          await world.end(world.processes[0]!, how);
          const seen = [];
          for (let look = 0; look < 3; look++) {
            seen.push((await world.processes[world.random(3)]!.find(KEY))?.text ?? 'moved');
            if (world.random(2)) world.fast.drop(KEY);
          }
          return seen;
        })();
        const others = Array.from({ length: 6 }, async () => {
          await world.pause();
          const store = world.processes[world.random(3)]!;
          await (world.random(2) ? world.increment(store) : store.find(KEY));
        });
        const [seen] = await Promise.all([ending, lose(), ...others]);
        world.fast.drop(KEY);
        const last = (await world.processes[2]!.find(KEY))?.text ?? 'moved';
        expect({ seed, seen, last }).toEqual({
          seed,
          seen: seen.map(() => 'moved'),
          last: 'moved',
        });
      }
    },
  );
});
