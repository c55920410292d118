import { beforeEach, describe, expect, it } from '@jest/globals';

import { SessionChanges } from '../../../src/session/changes.js';
import { SessionCommits, type Commit } from '../../../src/session/storage/commits.js';
import type { FoundRecord } from '../../../src/session/storage/records.js';
import {
  SessionConflictError,
  SessionStoreError,
  SessionTooLargeError,
} from '../../../src/session/errors.js';
import { encodeForwarder } from '../../../src/session/storage/record-format.js';
import { TestClock } from '../../../src/testing/test-clock.js';
import { SessionWorld } from '../../support/session-world.js';

const KEY = 'sess:a';
const NEW_KEY = 'sess:b';
/** Later than any clock of these tests. */
const UNTIL = new TestClock().now() + 300_000;

const addOne = (old: unknown): unknown => ((old as number | undefined) ?? 0) + 1;

function commitOf(make: (changes: SessionChanges) => void, cookieSentAt = 0): Commit {
  const changes = new SessionChanges();
  make(changes);
  return { changes, cookieSentAt };
}

const setting = (key: string, value: unknown): Commit =>
  commitOf((changes) => changes.set(key, JSON.stringify(value)));
const counting = (): Commit => commitOf((changes) => changes.update('visits', addOne));

describe('commits to one session', () => {
  let world: SessionWorld;
  let commits: SessionCommits;

  beforeEach(() => {
    world = new SessionWorld({ maxBytes: 500 });
    world.write(KEY, { visits: 1 });
    commits = new SessionCommits(world.records, world.telemetry);
  });

  const found = async (): Promise<FoundRecord> => (await world.records.find(KEY)) as FoundRecord;

  /** The record that was read, with the changes made. */
  const expecting = async (entries: Record<string, unknown>): Promise<FoundRecord> => {
    const { record, version } = await found();
    const texts = new Map(record.entries);
    for (const [key, value] of Object.entries(entries)) texts.set(key, JSON.stringify(value));
    world.store.calls.length = 0;
    return { version, record: { ...record, entries: texts } };
  };

  describe('alone', () => {
    it('needs one update without a conflict', async () => {
      const expected = await expecting({ a: 1 });
      expect(await commits.commit(KEY, setting('a', 1), expected)).toEqual({ stored: KEY });
      expect(world.entriesAt(KEY)).toEqual({ visits: 1, a: 1 });
      expect(world.store.calls).toEqual(['update']);
    });

    it('reads first without a known version', async () => {
      expect(await commits.commit(KEY, setting('a', 1))).toEqual({ stored: KEY });
      expect(world.store.calls).toEqual(['find', 'update']);
    });

    it('is stored for the rest of its life', async () => {
      world.clock.pass(86_400 - 100);
      await commits.commit(KEY, setting('a', 1));
      expect(world.store.lives.get(KEY)).toBe(100);
    });

    it("keeps the record's times of beginning and cookie", async () => {
      const createdAt = world.clock.now() - 5_000;
      world.write(KEY, {}, { createdAt, cookieSentAt: createdAt + 1_000 });
      await commits.commit(KEY, setting('a', 1));
      expect(world.recordAt(KEY)).toMatchObject({ createdAt, cookieSentAt: createdAt + 1_000 });
    });

    it('stores when the cookie was sent', async () => {
      const cookieSentAt = world.clock.now() + 7_000;
      await commits.commit(KEY, { ...setting('a', 1), cookieSentAt });
      expect(world.recordAt(KEY)).toMatchObject({ cookieSentAt });
    });
  });

  describe('in conflict with another process', () => {
    it('are counted once per failed attempt', async () => {
      const expected = await expecting({ a: 1 });
      for (const visits of [10, 20, 30]) {
        world.store.before('update', () => world.write(KEY, { visits }));
      }
      await commits.commit(KEY, setting('a', 1), expected);
      expect(world.entriesAt(KEY)).toEqual({ visits: 30, a: 1 });
      expect(world.telemetry.counters.conflict).toBe(3);
    });

    it('are merged by entry', async () => {
      const expected = await expecting({ a: 1 });
      world.write(KEY, { visits: 1, others: 2 });
      expect(await commits.commit(KEY, setting('a', 1), expected)).toEqual({ stored: KEY });
      expect(world.entriesAt(KEY)).toEqual({ visits: 1, others: 2, a: 1 });
    });

    it('apply an update to the newest value', async () => {
      const expected = await expecting({ visits: 2 });
      world.write(KEY, { visits: 41 });
      await commits.commit(KEY, counting(), expected);
      expect(world.entriesAt(KEY)).toEqual({ visits: 42 });
    });

    it('are repeated after each conflict', async () => {
      for (let n = 1; n <= 5; n++) {
        world.store.before('update', () => world.write(KEY, { visits: n * 10 }));
      }
      await commits.commit(KEY, counting());
      expect(world.entriesAt(KEY)).toEqual({ visits: 51 });
      expect(world.store.count('update')).toBe(6);
    });

    it('give up after 50 attempts', async () => {
      const interrupt = (): void => {
        world.store.before('update', interrupt);
        world.write(KEY, { visits: 1 });
      };
      interrupt();
      const error: unknown = await commits.commit(KEY, counting()).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(SessionConflictError);
      expect(error).toMatchObject({ code: 'SESSION_CONFLICT', statusCode: 503 });
      expect(world.store.count('update')).toBe(50);
      expect(world.entriesAt(KEY)).toEqual({ visits: 1 });
    });
  });

  describe('during another commit', () => {
    it('are stored together', async () => {
      const gate = world.store.hold('update');
      const first = commits.commit(KEY, counting());
      await gate.reached;
      const others = Array.from({ length: 31 }, () => commits.commit(KEY, counting()));
      gate.release();

      expect(await Promise.all([first, ...others])).toEqual(Array(32).fill({ stored: KEY }));
      expect(world.entriesAt(KEY)).toEqual({ visits: 33 });
      expect(world.store.count('update')).toBe(2);
    });

    it('keep their order', async () => {
      const all = [1, 2, 3, 4].map((n) => commits.commit(KEY, setting('last', n)));
      await Promise.all(all);
      expect(world.entriesAt(KEY)).toEqual({ visits: 1, last: 4 });
    });

    it('do not wait for commits of another session', async () => {
      world.write(NEW_KEY, {});
      const gate = world.store.hold('update');
      const first = commits.commit(KEY, counting());
      await gate.reached;
      expect(await commits.commit(NEW_KEY, counting())).toEqual({
        stored: NEW_KEY,
      });
      gate.release();
      await first;
    });

    it('are merged with another process, too', async () => {
      const gate = world.store.hold('update');
      const all = [counting(), counting(), counting()].map((one) => commits.commit(KEY, one));
      await gate.reached;
      gate.release();
      world.store.before('update', () => world.write(KEY, { visits: 100, others: 1 }));
      await Promise.all(all);
      expect(world.entriesAt(KEY)).toEqual({ visits: 102, others: 1 });
    });

    it('store the latest time a cookie was sent', async () => {
      const now = world.clock.now();
      const times = [0, now + 2, now + 1];
      await Promise.all(
        times.map((time) => commits.commit(KEY, { ...counting(), cookieSentAt: time })),
      );
      expect(world.recordAt(KEY)).toMatchObject({ cookieSentAt: now + 2 });
    });

    it('leave no queue when all are done', async () => {
      await Promise.all([commits.commit(KEY, counting()), commits.commit(KEY, counting())]);
      world.store.calls.length = 0;
      const expected = await expecting({ a: 1 });
      await commits.commit(KEY, setting('a', 1), expected);
      expect(world.store.calls).toEqual(['update']);
    });
  });

  describe('of which one fails', () => {
    const throwing = (): Commit =>
      commitOf((changes) => {
        changes.set('half', '1');
        changes.update('visits', () => {
          throw new Error('no stock');
        });
      });

    it('alone, with the error of its update', async () => {
      await expect(commits.commit(KEY, throwing())).rejects.toThrow('no stock');
      expect(world.entriesAt(KEY)).toEqual({ visits: 1 });
      expect(await commits.commit(KEY, counting())).toEqual({ stored: KEY });
    });

    it('by the error of its update, store the others and nothing of it', async () => {
      const all = [counting(), counting(), throwing(), counting()];
      const results = await Promise.allSettled(all.map((one) => commits.commit(KEY, one)));
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(world.entriesAt(KEY)).toEqual({ visits: 4 });
    });

    it('by its size, store the others', async () => {
      const all = [counting(), counting(), setting('big', 'x'.repeat(600)), counting()];
      const results = await Promise.allSettled(all.map((one) => commits.commit(KEY, one)));
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(results[2]).toMatchObject({ reason: expect.any(SessionTooLargeError) });
      expect(world.entriesAt(KEY)).toEqual({ visits: 4 });
    });

    it('alone, by its size, before any write', async () => {
      const expected = await expecting({ big: 'ä'.repeat(250) });
      const commit = commits.commit(KEY, setting('big', 'ä'.repeat(250)), expected);
      await expect(commit).rejects.toThrow(SessionTooLargeError);
      expect(world.store.calls).toEqual([]);
      expect(world.entriesAt(KEY)).toEqual({ visits: 1 });
    });

    it('by a store error, fail with all that wait for the same write, but not later ones', async () => {
      const gate = world.store.hold('update');
      const all = [counting(), counting(), counting()].map((one) => commits.commit(KEY, one));
      await gate.reached;
      world.store.isDown = true;
      gate.release();
      const results = await Promise.allSettled(all);
      for (const result of results) {
        expect(result).toMatchObject({ reason: expect.any(SessionStoreError) });
      }
      world.store.isDown = false;
      expect(await commits.commit(KEY, counting())).toEqual({ stored: KEY });
      expect(world.entriesAt(KEY)).toEqual({ visits: 2 });
    });
  });

  describe('to a session that has ended', () => {
    it('are dropped, and the session is not written back', async () => {
      const expected = await expecting({ a: 1 });
      world.store.drop(KEY);
      expect(await commits.commit(KEY, setting('a', 1), expected)).toBe('gone');
      expect(await commits.commit(KEY, setting('a', 1))).toBe('gone');
      expect(world.store.keys).toEqual([]);
      expect(world.store.count('create')).toBe(0);
    });

    it('are dropped if it ended between reading and writing', async () => {
      world.store.before('update', () => world.store.drop(KEY));
      const all = [counting(), counting()].map((one) => commits.commit(KEY, one));
      expect(await Promise.all(all)).toEqual(['gone', 'gone']);
      expect(world.store.keys).toEqual([]);
    });

    it('are dropped if its absolute deadline has passed', async () => {
      world.clock.pass(86_400);
      expect(await commits.commit(KEY, counting())).toBe('gone');
      world.clock.pass(3600);
      expect(await commits.commit(KEY, counting())).toBe('gone');
      expect(world.store.keys).toEqual([]);
    });
  });

  describe('to a session that got a new id', () => {
    const forward = (from: string, to: string): void =>
      world.put(from, encodeForwarder({ forwardTo: to, until: UNTIL }));

    beforeEach(() => {
      world.write(NEW_KEY, { visits: 5 });
      forward(KEY, NEW_KEY);
    });

    it('are stored under it', async () => {
      expect(await commits.commit(KEY, counting())).toEqual({
        stored: NEW_KEY,
        isScheduled: false,
      });
      expect(world.entriesAt(NEW_KEY)).toEqual({ visits: 6 });
      expect(world.recordAt(KEY)).toEqual({ forwardTo: NEW_KEY, until: UNTIL });
    });

    it('are stored under it also if the rotation came after the read', async () => {
      world.write(KEY, { visits: 1 });
      const expected = await expecting({ visits: 2 });
      forward(KEY, NEW_KEY);
      expect(await commits.commit(KEY, counting(), expected)).toEqual({
        stored: NEW_KEY,
        isScheduled: false,
      });
      expect(world.entriesAt(NEW_KEY)).toEqual({ visits: 6 });
    });

    it('follow several rotations', async () => {
      forward(NEW_KEY, 'sess:c');
      world.write('sess:c', { visits: 7 });
      expect(await commits.commit(KEY, counting())).toEqual({
        stored: 'sess:c',
        isScheduled: false,
      });
      expect(world.entriesAt('sess:c')).toEqual({ visits: 8 });
    });

    it('are dropped if it was destroyed there', async () => {
      world.store.drop(NEW_KEY);
      expect(await commits.commit(KEY, counting())).toBe('gone');
    });

    it.each([
      ['a circle of two', () => forward(NEW_KEY, KEY)],
      ['one that leads to itself', () => forward(KEY, KEY)],
      [
        'a long way',
        () => {
          for (let n = 0; n < 10_000; n++) forward(n ? `sess:${n}` : KEY, `sess:${n + 1}`);
        },
      ],
      ['a key of others', () => forward(KEY, 'cache:theirs')],
      ['a key with a blank', () => forward(KEY, `${NEW_KEY} 9999`)],
    ])('are dropped without a session: %s', async (_what, plant) => {
      plant();
      expect(await commits.commit(KEY, counting())).toBe('gone');
      expect(world.store.count('find')).toBeLessThan(60);
      expect(world.warnings).toHaveLength(1);
    });
  });
});
