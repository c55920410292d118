import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';

import { SessionStoreError } from '../../src/session/session.errors.js';
import { CacheReads } from '../../src/store/cache-reads.js';
import { PlainAdapter } from '../support/plain-adapter.js';

describe('reads from a cache', () => {
  let adapter: PlainAdapter;
  let reads: CacheReads;

  beforeEach(() => {
    adapter = new PlainAdapter();
    const stores = [new Keyv({ store: adapter, throwOnErrors: true })];
    reads = new CacheReads(createCache({ stores }));
  });

  it('answer a value', async () => {
    await new Keyv({ store: adapter }).set('key', { a: 1 });
    expect(await reads.get('key')).toEqual({ a: 1 });
  });

  it('answer undefined for what is missing', async () => {
    expect(await reads.get('key')).toBeUndefined();
  });

  it('reject during an outage, which the cache tells as missing', async () => {
    adapter.failure = new Error('connection reset');
    const error: unknown = await reads.get('key').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SessionStoreError);
    expect((error as Error).cause).toBe(adapter.failure);
  });

  it('reject all that are under way', async () => {
    const gate = adapter.hold('get');
    const [one, other] = [reads.get('key'), reads.get('key')];
    await gate.reached;
    adapter.failure = new Error('connection reset');
    gate.release();
    const results = await Promise.allSettled([one, other]);
    expect(results.map(({ status }) => status)).toContain('rejected');
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(2);
  });

  it('are not touched by the failure of another key', async () => {
    const gate = adapter.hold('get');
    const slow = reads.get('slow');
    await gate.reached;
    adapter.failure = new Error('connection reset');
    await expect(reads.get('other')).rejects.toThrow(SessionStoreError);
    adapter.failure = undefined;
    gate.release();
    expect(await slow).toBeUndefined();
  });

  it('forget an outage that is over', async () => {
    adapter.failure = new Error('connection reset');
    await expect(reads.get('key')).rejects.toThrow(SessionStoreError);
    adapter.failure = undefined;
    expect(await reads.get('key')).toBeUndefined();
  });
});
