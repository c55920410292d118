import type { KeyvStoreAdapter, StoredData } from 'keyv';

import type { SessionStore, StoredText } from '../../session/storage/store.js';
import { SessionOptionsError } from '../../session/errors.js';
import {
  ReadFailure,
  readKey,
  ReadRecord,
  RecordRefused,
  WriteRecord,
  type AtomicAdapter,
  type ServerDiagnosis,
} from '../atomic-record.js';
import { foreignKey } from '../foreign-keys.js';
import type { ServerHealth, ServerWatcher } from '../server-health.js';
import type { CopyRows } from '../tier/row-copies.js';
import { StoreCalls } from './calls.js';
import { rowsOf } from './rows.js';
import { CachedValues } from './values.js';

/** Adapts a `SessionStore` to Keyv. */
export class ContractAdapter implements KeyvStoreAdapter, AtomicAdapter {
  readonly opts = {};
  readonly mayGetServersBack = false;
  readonly hasToBeHeld = true;
  /** The rows, if the store is a table. */
  readonly rows: CopyRows | undefined;
  private calls: StoreCalls;
  private readonly values: CachedValues;
  /** By key prefix, the life in seconds to which a read renews a key. */
  private readonly lives = new Map<string, number>();
  private readonly watchers: ServerWatcher[] = [];
  private maxBytes: number | undefined;
  private isClosed = false;

  constructor(private readonly store: SessionStore) {
    this.calls = this.open();
    this.values = new CachedValues(store);
    this.rows = rowsOf(store, () => this.calls);
  }

  get servers(): readonly ServerHealth[] {
    return [this.calls.health];
  }

  watch(watcher: ServerWatcher): void {
    this.watchers.push(watcher);
    this.calls.health.watch(watcher);
  }

  unwatch(watcher: ServerWatcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at !== -1) this.watchers.splice(at, 1);
    this.calls.health.unwatch(watcher);
  }

  watchRemovals(onRemoved: (key: string) => void): () => void {
    return this.store.watchRemovals?.(onRemoved) ?? (() => undefined);
  }

  async diagnose(maxBytes: number): Promise<ServerDiagnosis[]> {
    this.maxBytes = maxBytes;
    const { calls, store } = this;
    const { server } = calls.health;
    const needs = { maxBytes, timeout: Math.max(0, ...this.lives.values()) };
    try {
      const look = async () => {
        if (store.diagnose) return store.diagnose(needs);
        await store.ping?.();
        return {};
      };
      const found = await calls.write('diagnose', look);
      calls.health.problem = found.problem;
      return [{ server, ...found }];
    } catch {
      return [{ server }]; // which is reported as an outage
    }
  }

  holdRecords(keyPrefix: string, lifeSeconds: number): void {
    if (this.isClosed) {
      this.lives.clear();
      this.calls = this.open();
    }
    if ((this.lives.get(keyPrefix) ?? lifeSeconds) !== lifeSeconds) {
      throw new SessionOptionsError(
        'timeout',
        `this store already keeps sessions with the keyPrefix ${keyPrefix} and another timeout`,
      );
    }
    this.lives.set(keyPrefix, lifeSeconds);
  }

  async get<Value>(asked: string): Promise<StoredData<Value> | undefined> {
    const { calls, store } = this;
    const life = this.lifeOf(asked);
    if (life === undefined) {
      const json = await calls.read('get', () => this.values.get(asked));
      return json === undefined ? undefined : { value: JSON.parse(json) as Value };
    }
    const { key, renewTo } = readKey(asked) ?? { key: asked, renewTo: life };
    const found = await calls
      .read('find', () => store.find(key, renewTo))
      .then(asRecord, (error) => new ReadFailure(error));
    return found && { value: found as Value };
  }

  async set(key: string, { value }: { value: unknown }, ttl?: number): Promise<void> {
    if (value instanceof WriteRecord) return this.write(key, value, ttl);
    this.refuseForeign(key);
    await this.calls.write('set', () => this.values.set(key, value, ttl));
  }

  delete(key: string): Promise<boolean> {
    this.refuseForeign(key); // sessions are removed by `set`
    return this.calls.write('delete', () => this.values.delete(key));
  }

  clear(): Promise<void> {
    return Promise.reject(
      new Error('a store for sessions is not cleared from here, as others may use it too'),
    );
  }

  on(): this {
    return this;
  }

  async disconnect(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.calls.health.close();
    await this.store.close?.();
  }

  private open(): StoreCalls {
    this.isClosed = false;
    const calls = new StoreCalls(this.store);
    for (const watcher of this.watchers) calls.health.watch(watcher);
    calls.health.watch({
      outageBegan: () => undefined,
      // The server may have been replaced.
      outageEnded: () => {
        if (this.maxBytes !== undefined) void this.diagnose(this.maxBytes);
      },
      noticed: () => undefined,
    });
    return calls;
  }

  private async write(
    key: string,
    { text, version, hints }: WriteRecord,
    ttl?: number,
  ): Promise<void> {
    const { calls, store } = this;
    const life = Math.max(1, Math.ceil((ttl ?? 0) / 1000));
    const result =
      version === undefined
        ? await calls.write('create', () => store.create(key, text ?? '', life, hints))
        : text === null
          ? await calls.write('remove', () => store.remove(key, version))
          : await calls.write('update', () => store.update(key, text, version, life, hints));
    if (result !== 'stored' && result !== 'removed') throw new RecordRefused(result);
  }

  private refuseForeign(key: string): void {
    for (const prefix of this.lives.keys()) if (key.startsWith(prefix)) throw foreignKey(prefix);
  }

  private lifeOf(key: string): number | undefined {
    for (const [prefix, life] of this.lives) if (key.startsWith(prefix)) return life;
    return undefined;
  }
}

function asRecord(found: StoredText | undefined): ReadRecord | undefined {
  return found && new ReadRecord(found.text, found.version, found.lifeLeft);
}
