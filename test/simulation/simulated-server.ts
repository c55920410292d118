import type { StoredText } from '../../src/session/storage/store.js';

interface Kept extends StoredText {
  /** In milliseconds since 1970, by the server's clock. */
  endsAt: number;
}

/** What memcached does with records, by a clock of its own. One command is one moment. */
export class SimulatedServer {
  isDown = false;
  private readonly records = new Map<string, Kept>();
  private lastVersion = 0;

  constructor(
    private readonly now: () => number,
    private readonly timeout: number,
  ) {}

  find(key: string, renewTo = this.timeout): StoredText | undefined {
    const kept = this.at(key);
    if (!kept) return undefined;
    const { text, version } = kept;
    if (renewTo === 0) return { text, version, lifeLeft: (kept.endsAt - this.now()) / 1000 };
    kept.endsAt = this.now() + renewTo * 1000;
    return { text, version };
  }

  create(key: string, text: string, lifeSeconds: number): 'stored' | 'taken' {
    if (this.at(key)) return 'taken';
    this.put(key, text, lifeSeconds);
    return 'stored';
  }

  update(
    key: string,
    text: string,
    version: string,
    lifeSeconds: number,
  ): 'stored' | 'changed' | 'gone' {
    const refused = this.refusal(key, version);
    if (refused) return refused;
    this.put(key, text, lifeSeconds);
    return 'stored';
  }

  remove(key: string, version: string): 'removed' | 'changed' | 'gone' {
    const refused = this.refusal(key, version);
    if (refused) return refused;
    this.records.delete(key);
    return 'removed';
  }

  /** Restarts empty. Versions continue, because memcached's begin at another number each time. */
  forget(): void {
    this.records.clear();
  }

  put(key: string, text: string, lifeSeconds: number): void {
    const endsAt = this.now() + lifeSeconds * 1000;
    this.records.set(key, { text, version: String(++this.lastVersion), endsAt });
  }

  private refusal(key: string, version: string): 'changed' | 'gone' | undefined {
    const kept = this.at(key);
    if (!kept) return 'gone';
    return kept.version === version ? undefined : 'changed';
  }

  private at(key: string): Kept | undefined {
    const kept = this.records.get(key);
    return kept && kept.endsAt > this.now() ? kept : undefined;
  }
}
