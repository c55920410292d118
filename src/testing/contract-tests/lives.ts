import { equal, ok } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

import type { StoresUnderTest } from './stores-under-test.js';
import type { Suite } from './framework.js';

/** A record may live this many milliseconds too long, because a server's clock may tick once a second. */
const TICKS = 3000;
/** The tolerance for timers and answers in milliseconds. */
const TOLERANCE = 50;
/** Idle timeout in seconds. */
const TIMEOUT = 1200;
const MONTH = 30 * 24 * 60 * 60;

/** Tests of lives that end within seconds, by the clock of the store. */
export function describeLives({ describe, it }: Suite, under: StoresUnderTest): void {
  /** Milliseconds until a record is no longer found. Does not renew it. */
  const livesFor = async (key: string): Promise<number> => {
    const begun = performance.now();
    for (;;) {
      const [one, other] = await Promise.all([
        under.store.find(key, 0),
        under.another.find(key, 0),
      ]);
      const passed = performance.now() - begun;
      if (!one && !other) return passed;
      ok(passed < 1000 + TICKS + 10_000, 'the store returns a record whose life is over');
      await delay(20);
    }
  };

  describe('a life of seconds', () => {
    it('ends, but not early; the record can be created again', async () => {
      const key = under.newKey();
      const begun = performance.now();
      await under.store.create(key, 'text', 1);
      const { version } = (await under.store.find(key, 0))!;
      await livesFor(key);
      const lived = performance.now() - begun;
      ok(lived > 1000 - TOLERANCE, `it lived for ${lived} ms instead of 1000`);
      ok(lived < 1000 + TICKS, `it lived for ${lived} ms instead of 1000`);
      equal(await under.store.update(key, 'late', version, 60), 'gone');
      equal(await under.another.remove(key, version), 'gone');
      equal(await under.store.create(key, 'new', 60), 'stored');
      equal((await under.store.find(key, 0))?.text, 'new');
      equal(await under.another.update(key, 'late', version, 60), 'changed');
    });

    it('is renewed by each read, and set by each write', async () => {
      const [renewed, short] = [under.newKey(), under.newKey()];
      await Promise.all([
        under.store.create(renewed, 'text', 1),
        under.store.create(short, 'text', 60),
      ]);
      equal((await under.store.find(renewed, 60))?.text, 'text');
      const { version } = (await under.store.find(short, 0))!;
      equal(await under.store.update(short, 'text', version, 1), 'stored');
      const lived = await livesFor(short);
      ok(lived < 1000 + TICKS, `it lived for ${lived} ms instead of 1000`);
      await delay(500);
      equal((await under.another.find(renewed, 0))?.text, 'text');
    });
  });
}

/** Tests of lives of minutes and months, for stores with `isThereAfter`. */
export function describeLongLives(
  { describe, it }: Suite,
  under: StoresUnderTest,
  isThereAfter: (key: string, seconds: number) => Promise<boolean>,
): void {
  const created = async (life: number): Promise<string> => {
    const key = under.newKey();
    await under.store.create(key, 'text', life);
    return key;
  };
  const updated = async (life: number): Promise<string> => {
    const key = await created(TIMEOUT);
    const { version } = (await under.store.find(key, 0))!;
    await under.store.update(key, 'second', version, life);
    return key;
  };
  const read = async (life: number, renewTo: number): Promise<string> => {
    const key = await created(life);
    equal((await under.store.find(key, renewTo))?.text, 'text');
    return key;
  };

  describe('the remaining life, if the store returns it', () => {
    const lifeLeft = async (key: string): Promise<number | undefined> => {
      const [one, other] = [await under.store.find(key, 0), await under.another.find(key, 0)];
      equal(typeof one?.lifeLeft, typeof other?.lifeLeft);
      return other?.lifeLeft;
    };
    const expectLeft = async (key: string, life: number): Promise<void> => {
      const left = await lifeLeft(key);
      // A store may keep a record up to a tenth longer.
      if (left !== undefined) ok(left > life - 30 && left < life * 1.1 + TICKS / 1000, `${left} s`);
    };

    it('is the life that create set', async () => expectLeft(await created(100), 100));
    it('is the life that update set', async () => expectLeft(await updated(MONTH), MONTH));
    it('is the life that the last renewal set', async () => {
      await expectLeft(await read(60, TIMEOUT * 2), TIMEOUT * 2);
    });
    it('does not change when the record is only read', async () => {
      await expectLeft(await read(100, 0), 100);
    });
  });

  describe('a life', () => {
    const lives: [string, () => Promise<string>, number, boolean][] = [
      ['set by create', () => created(100), 95, true],
      ['set by create', () => created(100), 101, false],
      ['set by create', () => created(MONTH * 2), MONTH + 30, true],
      ['set by update', () => updated(100), 95, true],
      ['set by update', () => updated(100), 101, false],
      ['set by update', () => updated(MONTH * 2), MONTH + 30, true],
      ['renewed by find', () => read(60, TIMEOUT), TIMEOUT - 30, true],
      ['renewed by find', () => read(60, TIMEOUT * 2), TIMEOUT + 30, true],
      ['renewed by find', () => read(60, MONTH * 2), MONTH + 30, true],
      ['not renewed by find', () => read(60, 0), 61, false],
    ];
    for (const [what, make, seconds, isThere] of lives) {
      it(`${what}: the record ${isThere ? 'exists' : 'has ended'} after ${seconds} s`, async () => {
        equal(await isThereAfter(await make(), seconds), isThere);
      });
    }
  });
}
