import type { SessionStore, StoredText } from '../../src/session/storage/store.js';

interface Kept extends StoredText {
  readonly endsAt: number;
}

/** A store of the public contract, over what several of them may share. Made to fail, and to hang. */
export class MapSessionStore implements SessionStore {
  readonly calls: string[] = [];
  failure: Error | undefined;
  /** Answers nothing any more. */
  hangs = false;
  private versions = 0;

  constructor(
    private readonly records = new Map<string, Kept>(),
    private readonly now: () => number = Date.now,
  ) {}

  find(key: string, renewTo = 0): Promise<StoredText | undefined> {
    return this.answer(`find ${key} ${renewTo}`, () => {
      const kept = this.kept(key);
      if (kept && renewTo > 0) this.keep(key, kept, renewTo);
      return kept && { text: kept.text, version: kept.version };
    });
  }

  create(key: string, text: string, life: number, hints?: object): Promise<'stored' | 'taken'> {
    return this.answer(`create ${key} ${life} ${JSON.stringify(hints)}`, () => {
      if (this.kept(key)) return 'taken';
      this.keep(key, { text, version: this.newVersion() }, life);
      return 'stored';
    });
  }

  update(
    key: string,
    text: string,
    version: string,
    life: number,
    hints?: object,
  ): Promise<'stored' | 'changed' | 'gone'> {
    return this.answer(`update ${key} ${life} ${JSON.stringify(hints)}`, () => {
      const kept = this.kept(key);
      if (kept?.version !== version) return kept ? 'changed' : 'gone';
      this.keep(key, { text, version: this.newVersion() }, life);
      return 'stored';
    });
  }

  remove(key: string, version: string): Promise<'removed' | 'changed' | 'gone'> {
    return this.answer(`remove ${key}`, () => {
      const kept = this.kept(key);
      if (kept?.version !== version) return kept ? 'changed' : 'gone';
      this.records.delete(key);
      return 'removed';
    });
  }

  /** How often it was called for this. */
  count(operation: string): number {
    return this.calls.filter((call) => call.startsWith(operation)).length;
  }

  protected async answer<T>(call: string, work: () => T): Promise<T> {
    this.calls.push(call);
    await Promise.resolve();
    if (this.hangs) await new Promise(() => undefined);
    if (this.failure) throw this.failure;
    return work();
  }

  private newVersion(): string {
    return `${++this.versions}.${Math.random()}`;
  }

  private kept(key: string): Kept | undefined {
    const kept = this.records.get(key);
    return kept && kept.endsAt > this.now() ? kept : undefined;
  }

  private keep(key: string, { text, version }: StoredText, life: number): void {
    this.records.set(key, { text, version, endsAt: this.now() + life * 1000 });
  }
}
