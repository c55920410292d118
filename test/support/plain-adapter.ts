import type { KeyvStoreAdapter, StoredData } from 'keyv';

import { Gate } from './gate.js';

type Operation = 'get' | 'set' | 'delete';

/** A Keyv adapter as Redis's or Postgres's: no compare-and-set. Counted, held up and made to fail. */
export class PlainAdapter implements KeyvStoreAdapter {
  readonly opts = {};
  readonly calls: Operation[] = [];
  failure: Error | undefined;
  /** Answers nothing any more. */
  hangs = false;
  readonly values = new Map<string, unknown>();
  private readonly gates = new Map<Operation, Gate>();

  async get<Value>(key: string): Promise<StoredData<Value> | undefined> {
    await this.begin('get');
    return this.values.get(key) as StoredData<Value> | undefined;
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.begin('set');
    this.values.set(key, value);
  }

  async delete(key: string): Promise<boolean> {
    await this.begin('delete');
    return this.values.delete(key);
  }

  async clear(): Promise<void> {
    this.values.clear();
  }

  on(): this {
    return this;
  }

  count(operation: Operation): number {
    return this.calls.filter((call) => call === operation).length;
  }

  /** Stops the next such operation until it is released. */
  hold(operation: Operation): Gate {
    const gate = new Gate();
    this.gates.set(operation, gate);
    return gate;
  }

  private async begin(operation: Operation): Promise<void> {
    this.calls.push(operation);
    const gate = this.gates.get(operation);
    this.gates.delete(operation);
    await gate?.pass();
    if (this.hangs) await new Promise(() => undefined);
    if (this.failure) throw this.failure;
  }
}
