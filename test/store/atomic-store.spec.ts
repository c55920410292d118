import { beforeEach, describe, expect, it } from '@jest/globals';

import type { SessionStore } from '../../src/session/storage/store.js';
import { SessionStoreError, SessionTooLargeError } from '../../src/session/errors.js';
import {
  ReadFailure,
  RecordRefused,
  RecordTooLarge,
  type AtomicAdapter,
  type WriteRecord,
} from '../../src/store/atomic-record.js';
import { keyvOver } from '../../src/store/keyv-over.js';
import { PlainAdapter } from '../support/plain-adapter.js';
import { sessionStoreOver, TIMEOUT } from '../support/stores.js';

/** An adapter with given answers. */
class TestAdapter extends PlainAdapter implements AtomicAdapter {
  readonly servers = [];
  readonly mayGetServersBack = false;
  held: unknown[] = [];
  refusal: Error | undefined;
  written: unknown[] = [];

  holdRecords(...settings: unknown[]): void {
    this.held = settings;
  }

  watch(): void {}

  diagnose(): Promise<[]> {
    return Promise.resolve([]);
  }

  override async set(key: string, { value }: { value: WriteRecord }, ttl?: number): Promise<void> {
    this.written.push([key, value.text, value.version, ttl]);
    if (this.refusal) throw this.refusal;
  }
}

describe('sessions in a cache with compare-and-set', () => {
  let adapter: TestAdapter;
  let store: SessionStore;

  beforeEach(() => {
    adapter = new TestAdapter();
    store = sessionStoreOver(keyvOver(adapter));
  });

  const create = (): Promise<unknown> => store.create('sess:a', 'text', 60);
  const update = (): Promise<unknown> => store.update('sess:a', 'text', '7', 60);
  const remove = (): Promise<unknown> => store.remove('sess:a', '7');

  it('give their adapter their key prefix and life', () => {
    expect(adapter.held).toEqual(['sess:', TIMEOUT]);
  });

  it('are written with their version', async () => {
    await create();
    await update();
    await remove();
    expect(adapter.written).toEqual([
      ['sess:a', 'text', undefined, 60_000],
      ['sess:a', 'text', '7', 60_000],
      ['sess:a', null, '7', 1_000],
    ]);
  });

  it.each<[RecordRefused['reason'], string, () => Promise<unknown>, string]>([
    ['taken', 'create', create, 'taken'],
    ['changed', 'update', update, 'changed'],
    ['gone', 'update', update, 'gone'],
    ['changed', 'remove', remove, 'changed'],
    ['gone', 'remove', remove, 'gone'],
  ])('refused as %s are reported by %s', async (reason, _operation, write, answer) => {
    adapter.refusal = new RecordRefused(reason);
    expect(await write()).toBe(answer);
  });

  it.each([
    ['create', create],
    ['update', update],
    ['remove', remove],
  ])('fail with any other error: %s', async (_operation, write) => {
    adapter.refusal = new Error('SERVER_ERROR out of memory');
    await expect(write()).rejects.toThrow(SessionStoreError);
    await expect(write()).rejects.toMatchObject({ cause: adapter.refusal });
  });

  it.each([
    ['create', create],
    ['update', update],
  ])('too large for the server name both remedies: %s', async (_operation, write) => {
    adapter.refusal = new RecordTooLarge('memcached takes no items of this size: start it with -I');
    const error: unknown = await write().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SessionTooLargeError);
    expect(error).toMatchObject({
      code: 'SESSION_TOO_LARGE',
      message: expect.stringMatching(/would take 4 bytes, but .*-I, or lower maxBytes\. /),
    });
  });

  it('fail if reading fails', async () => {
    const error = new Error('connection reset');
    adapter.values.set('sess:a', { value: new ReadFailure(error) });
    await expect(store.find('sess:a')).rejects.toThrow(SessionStoreError);
    await expect(store.find('sess:a')).rejects.toMatchObject({ cause: error });
  });

  it('are missing where the value is not a record', async () => {
    adapter.values.set('sess:a', { value: { text: 'a', version: '1' } });
    expect(await store.find('sess:a')).toBeUndefined();
  });
});
