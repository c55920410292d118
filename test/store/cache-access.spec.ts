import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';

import { SessionStoreError } from '../../src/session/errors.js';
import { CacheAccess } from '../../src/store/cache-access.js';
import { DeadlineError, OverloadError } from '../../src/store/deadline-error.js';
import { Gate } from '../support/gate.js';
import { PlainAdapter } from '../support/plain-adapter.js';

const RESET = new Error('connection reset');

describe('access to a cache', () => {
  let adapter: PlainAdapter;
  let access: CacheAccess;

  beforeEach(() => {
    adapter = new PlainAdapter();
    const stores = [new Keyv({ store: adapter, throwOnErrors: true })];
    access = new CacheAccess(createCache({ stores }));
  });

  const errorOf = (result: Promise<unknown>): Promise<unknown> =>
    result.then(
      () => undefined,
      (error: unknown) => error,
    );

  describe('for reading', () => {
    it('returns a value', async () => {
      await new Keyv({ store: adapter }).set('key', { a: 1 });
      expect(await access.get('key')).toEqual({ a: 1 });
    });

    it('returns undefined for a missing value, after one read', async () => {
      expect(await access.get('key')).toBeUndefined();
      expect(adapter.count('get')).toBe(1);
    });

    it('rejects during an outage, which the cache reports as missing', async () => {
      adapter.failure = RESET;
      const error = await errorOf(access.get('key'));
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as Error).cause).toBe(RESET);
    });

    it('repeats the read once if the store fails at once', async () => {
      await new Keyv({ store: adapter }).set('key', 'value');
      const gate = adapter.hold('get');
      adapter.failure = RESET;
      const read = access.get('key');
      await gate.reached;
      const second = adapter.hold('get');
      gate.release();
      await second.reached;
      adapter.failure = undefined;
      second.release();
      expect(await read).toBe('value');
      adapter.failure = RESET;
      await errorOf(access.get('key'));
      expect(adapter.count('get')).toBe(4);
    });

    it('rejects in time if the store hangs, without a second read', async () => {
      adapter.hangs = true;
      const error = await errorOf(access.get('key'));
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as Error).cause).toBeInstanceOf(DeadlineError);
      expect(adapter.count('get')).toBe(1);
    });

    it('rejects if too many calls wait, without a second read', async () => {
      adapter.failure = new OverloadError('too much waits');
      const error = await errorOf(access.get('key'));
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as Error).cause).toBe(adapter.failure);
      expect(adapter.count('get')).toBe(1);
    });

    it('rejects all reads of the key that are in progress', async () => {
      adapter.failure = RESET;
      const results = await Promise.allSettled([access.get('key'), access.get('key')]);
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    });

    it('is not affected by an error of another key', async () => {
      const gate = adapter.hold('get');
      const slow = access.get('slow');
      await gate.reached;
      adapter.failure = RESET;
      await expect(access.get('other')).rejects.toThrow(SessionStoreError);
      adapter.failure = undefined;
      gate.release();
      expect(await slow).toBeUndefined();
    });

    it('works again after an outage', async () => {
      adapter.failure = RESET;
      await expect(access.get('key')).rejects.toThrow(SessionStoreError);
      adapter.failure = undefined;
      expect(await access.get('key')).toBeUndefined();
    });
  });

  describe('for writing', () => {
    it('stores, and deletes', async () => {
      await access.set('key', 'value', 60_000);
      expect(await access.get('key')).toBe('value');
      await access.delete('key');
      expect(await access.get('key')).toBeUndefined();
    });

    it.each([
      ['set', () => access.set('key', 'value', 60_000)],
      ['delete', () => access.delete('key')],
    ] as const)('rejects during an outage, after one attempt: %s', async (operation, write) => {
      adapter.failure = RESET;
      const error = await errorOf(write());
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as Error).cause).toBe(RESET);
      expect(adapter.count(operation)).toBe(1);
    });
  });

  describe('by runExclusive()', () => {
    it('runs tasks of one key one after another, and others in parallel', async () => {
      const gate = new Gate();
      const done: string[] = [];
      const first = access.runExclusive('key', async () => {
        await gate.pass();
        done.push('first');
      });
      const second = access.runExclusive('key', async () => void done.push('second'));
      await access.runExclusive('other', async () => void done.push('other'));
      gate.release();
      await Promise.all([first, second]);
      expect(done).toEqual(['other', 'first', 'second']);
    });

    it.each(['stored', 'failed'])(
      'refuses tasks after a late write, until it is %s',
      async (outcome) => {
        const gate = adapter.hold('set');
        const write = () => access.runExclusive('key', () => access.set('key', 'value', 60_000));
        const late = await errorOf(write());
        expect((late as Error).cause).toBeInstanceOf(DeadlineError);

        const refused = await errorOf(write());
        expect(refused).toBeInstanceOf(SessionStoreError);
        expect((refused as Error).cause).toMatchObject({
          message: expect.stringMatching(/^an earlier write of the same key/),
        });
        expect(adapter.count('set')).toBe(1);
        await access.runExclusive('other', () => access.set('other', 'value', 60_000));

        if (outcome === 'failed') adapter.failure = RESET;
        gate.release();
        await new Promise(setImmediate);
        adapter.failure = undefined;
        await write();
        expect(await access.get('key')).toBe('value');
      },
    );

    it('continues after a write that failed', async () => {
      adapter.failure = RESET;
      await errorOf(access.runExclusive('key', () => access.set('key', 'value', 60_000)));
      adapter.failure = undefined;
      await access.runExclusive('key', () => access.set('key', 'value', 60_000));
      expect(await access.get('key')).toBe('value');
    });
  });
});
