import type { SessionPolicy } from '../../src/session/policy.js';
import { recordSeal } from '../../src/session/storage/seal.js';
import { StoreKeys } from '../../src/session/storage/keys.js';
import {
  decodeRecord,
  encodeRecord,
  type SessionRecord,
} from '../../src/session/storage/record-format.js';
import { SessionRecords } from '../../src/session/storage/records.js';
import { SessionRepository } from '../../src/session/repository.js';
import { SessionTelemetry } from '../../src/session/telemetry.js';
import type { SessionState } from '../../src/session/session-state.js';
import { TestClock } from '../../src/testing/test-clock.js';
import { FakeStore } from './fake-store.js';

/** Sessions over a store that tests control, at a time that tests set. */
export class SessionWorld {
  readonly store = new FakeStore();
  readonly clock = new TestClock();
  readonly warnings: string[] = [];
  readonly telemetry = new SessionTelemetry();
  readonly policy: SessionPolicy;
  readonly records: SessionRecords;
  readonly repository: SessionRepository;

  constructor(policy: Partial<SessionPolicy> = {}) {
    this.policy = {
      timeout: 1200,
      absoluteTimeout: 86_400,
      maxBytes: 1_000_000,
      keyPrefix: 'sess:',
      secrets: [],
      rotateEvery: false,
      rotateGrace: 10,
      maxSessionsPerUser: false,
      whenTooMany: 'end-oldest',
      persistentCookie: false,
      revokeEverybodyWithin: 10,
      now: this.clock.now,
      warn: (message) => this.warnings.push(message),
      telemetry: this.telemetry,
      ...policy,
    };
    this.records = new SessionRecords(this.store, this.policy);
    this.repository = this.anotherProcess();
  }

  /** Another process's repository over the same store: its commits stand in lines of their own. */
  anotherProcess(): SessionRepository {
    return new SessionRepository(this.store, this.policy);
  }

  /** Puts a session with these entries into the store and returns its id. */
  async stored(entries: Record<string, unknown> = { visits: 1 }): Promise<string> {
    const state = this.repository.begin();
    for (const [key, value] of Object.entries(entries)) state.entries.set(key, value);
    await this.repository.commit(state);
    return state.id;
  }

  /** The session of this id, which the newest secret signed. */
  find(id: string, repository = this.repository): Promise<SessionState | undefined> {
    return repository.find({ id, secret: 0 });
  }

  /** The session of this id, which has to be there. */
  async found(id: string, repository = this.repository): Promise<SessionState> {
    const state = await this.find(id, repository);
    if (!state) throw new Error('there is no such session');
    return state;
  }

  /** What the store holds under a session's id, forwarders followed. `undefined`: no session. */
  entriesOf(id: string): Record<string, unknown> | undefined {
    return this.entriesAt(this.keyOf(id));
  }

  entriesAt(key: string): Record<string, unknown> | undefined {
    const found = this.recordAt(key);
    if (!found) return undefined;
    if ('forwardTo' in found) return this.entriesAt(found.forwardTo);
    return Object.fromEntries(
      [...found.entries].map(([name, json]) => [name, JSON.parse(json) as unknown]),
    );
  }

  recordAt(key: string): ReturnType<typeof decodeRecord> {
    const stored = this.store.text(key);
    const text = stored === undefined ? undefined : this.seal.open(key, stored);
    return text === undefined ? undefined : decodeRecord(text);
  }

  /** Puts a record under a key, as another process does. */
  write(key: string, entries: Record<string, unknown>, more: Partial<SessionRecord> = {}): void {
    const texts = Object.entries(entries).map(([name, value]): [string, string] => [
      name,
      JSON.stringify(value),
    ]);
    const createdAt = this.clock.now();
    const record = { createdAt, cookieSentAt: createdAt, entries: new Map(texts), ...more };
    this.put(key, encodeRecord(record));
  }

  keyOf(id: string): string {
    return new StoreKeys(this.policy.keyPrefix, this.policy.secrets).of({ id, secret: 0 });
  }

  /** Puts a text under a key, sealed as it has to be, whatever it says. */
  put(key: string, text: string): void {
    this.store.put(key, this.seal.close(key, text));
  }

  private get seal() {
    return recordSeal(this.policy.secrets);
  }
}
