import type { SessionStore, StoredText } from '../../src/session/storage/store.js';
import { SessionStoreError } from '../../src/session/errors.js';
import { Gate } from './gate.js';

type Operation = keyof SessionStore;
type Hook = (key: string) => unknown;

/** A session store in memory whose operations can be counted, held up, raced and made to fail. */
export class FakeStore implements SessionStore {
  /** The operations asked for, in their order. */
  readonly calls: Operation[] = [];
  /** The life each record was last stored with, in seconds. */
  readonly lives = new Map<string, number>();
  /** Seconds to which a read renews a record by default. */
  timeout = 0;
  isDown = false;
  /** Updates are done, and answered with an error: the answer is lost. */
  losesAnswer = false;
  private readonly records = new Map<string, StoredText>();
  private readonly hooks = new Map<Operation, Hook[]>();
  private lastVersion = 0;

  async find(key: string, renewTo?: number): Promise<StoredText | undefined> {
    await this.begin('find', key);
    const life = renewTo ?? this.timeout;
    if (life && this.records.has(key)) this.lives.set(key, life);
    return this.records.get(key);
  }

  async create(...args: Parameters<SessionStore['create']>): Promise<'stored' | 'taken'> {
    const [key, text, lifeSeconds] = args;
    await this.begin('create', key);
    if (this.records.has(key)) return 'taken';
    this.put(key, text, lifeSeconds);
    return 'stored';
  }

  async update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): Promise<'stored' | 'changed' | 'gone'> {
    await this.begin('update', key);
    const present = this.records.get(key);
    if (present?.version !== version) return present ? 'changed' : 'gone';
    this.put(key, text, lifeSeconds);
    if (this.losesAnswer) throw new SessionStoreError();
    return 'stored';
  }

  async remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    await this.begin('remove', key);
    const present = this.records.get(key);
    if (present?.version !== version) return present ? 'changed' : 'gone';
    this.drop(key);
    return 'removed';
  }

  /** Runs this in the way of the next such operation, before it reads or writes. */
  before(operation: Operation, hook: Hook): void {
    this.hooks.set(operation, [...(this.hooks.get(operation) ?? []), hook]);
  }

  /** Stops the next such operation before it reads or writes, until it is released. */
  hold(operation: Operation): Gate {
    const gate = new Gate();
    this.before(operation, () => gate.pass());
    return gate;
  }

  /** How often an operation was asked for. */
  count(operation: Operation): number {
    return this.calls.filter((call) => call === operation).length;
  }

  get keys(): string[] {
    return [...this.records.keys()];
  }

  text(key: string): string | undefined {
    return this.records.get(key)?.text;
  }

  /** Stores a record directly, without the methods of the contract. */
  put(key: string, text: string, lifeSeconds = 0): void {
    this.records.set(key, { text, version: String(++this.lastVersion) });
    this.lives.set(key, lifeSeconds);
  }

  drop(key: string): void {
    this.records.delete(key);
  }

  private async begin(operation: Operation, key: string): Promise<void> {
    this.calls.push(operation);
    await Promise.resolve();
    await this.hooks.get(operation)?.shift()?.(key);
    if (this.isDown) throw new SessionStoreError({ cause: new Error('down') });
  }
}
